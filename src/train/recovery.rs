//! What a run does when training diverges: a loss, a gradient, a weight or a moment that is not a finite number.
//!
//! It goes back to the newest checkpoint on disk, halves the learning rates once, and goes on; each time that it goes back
//! they are halved once more, as the rate that diverged again was still too high: a half, then a quarter of what was
//! asked for, and never less, as the third time ends the run. They are not raised again. Why not to the weights of one
//! step before: a blow-up takes many steps, and those weights are finite, but ruined. Why not to a copy in memory: it
//! would take as much again as weights, average and moments do (1.5 GB for the reference network), and a checkpoint is
//! at most a minute old, verified by its checksum, and never holds a number that is not finite.
//!
//! Where training from that checkpoint has diverged before, the blow-up may have begun in it already: then the one
//! before it is taken. Before the first checkpoint, the run begins again. The third time the run ends; its checkpoints
//! stay. What happened stands in `run.json`, so that a resumed run goes on with the lower rates, and has no more tries.
//!
//! A folder that cannot be reached just then is waited for, as a disk that refuses a write is: a run that ever kept a
//! checkpoint does not begin again.
//!
//! A GPU that is lost takes weights and moments with it. The run goes on from the newest checkpoint on the CPU, once: there
//! a tensor operation that fails is a mistake of the program, and ends the run.

use super::folder::{
    Rollback, checkpoint_before_newest, drop_damaged_checkpoint, has_checkpoint, newest_checkpoint_of, write_run_file,
};
use super::run::{Run, Watch};
use super::run_event::{Control, Outcome, RunEvent};
use crate::device::{LOST_DEVICE_HINT, describe_loss, is_lost};
use crate::{Error, Result};

/// How often a run goes back; after that, a divergence ends it.
pub const MOST_ROLLBACKS: usize = 2;
const HINT: &str = "nothing to do now; if it ends all the same, begin a new run with a lower learning rate";

impl Run {
    /// Trains to the end, or until it diverges once more than it may; on the CPU, where the device is lost.
    pub(super) fn train_and_recover(&mut self, watch: &mut Watch) -> Result<Outcome> {
        let mut asked_to_stop = false;
        loop {
            let outcome = self.train_on(&mut |event, trainer| {
                let control = watch(event, trainer)?;
                asked_to_stop |= control == Control::Stop;
                Ok(control)
            });
            match outcome {
                Err(Error::Diverged { step, quantity }) if self.file.rollbacks.len() < MOST_ROLLBACKS => {
                    if self.roll_back(step, quantity, watch)? == Control::Stop || asked_to_stop || self.stop_asked {
                        return Ok(Outcome::Stopped);
                    }
                }
                Err(error) if is_lost(self.trainer.device(), &error) => {
                    if self.leave_device(&error, watch)? == Control::Stop || asked_to_stop || self.stop_asked {
                        return Ok(Outcome::Stopped);
                    }
                }
                Err(error @ (Error::Write { .. } | Error::Read { .. })) if self.stop_asked => {
                    return self.end_with_checkpoint(error, watch);
                }
                outcome => return outcome,
            }
        }
    }

    /// Stopped while the disk refused something: where it takes a checkpoint, no step is lost.
    fn end_with_checkpoint(&mut self, refused: Error, watch: &mut Watch) -> Result<Outcome> {
        if self.last_checkpoint != Some(self.trainer.step_count()) {
            let Ok(event) = self.checkpoint() else { return Err(refused) };
            watch(event, &self.trainer)?;
        }
        Ok(Outcome::Stopped)
    }

    fn leave_device(&mut self, loss: &Error, watch: &mut Watch) -> Result<Control> {
        self.folder.log(&describe_loss(loss));
        self.trainer.restart_on_cpu()?;
        self.persist(watch, Self::mend)?;
        let step = self.go_back(watch)?;
        self.persist(watch, |run| run.folder.rewind(step))?;
        let what = format!("{}; it goes on from step {step} on the CPU, which is slower", describe_loss(loss));
        self.folder.log(&what);
        let hint = LOST_DEVICE_HINT.into();
        watch(RunEvent::RolledBack { step, what, hint }, &self.trainer)
    }

    /// Takes the state of the newest checkpoint, or, where none was ever kept, that before the first step; gives its step.
    /// A checkpoint that cannot be read now is waited for.
    fn go_back(&mut self, watch: &mut Watch) -> Result<u64> {
        let path = self.folder.path().to_path_buf();
        let kept = self.last_checkpoint.is_some() || self.persist(watch, |_| has_checkpoint(&path))?;
        let step = if kept {
            let (checkpoint, _, damaged) = self.persist(watch, |run| newest_checkpoint_of(&path, Some(&run.file)))?;
            let step = checkpoint.step;
            checkpoint.restore(&mut self.trainer)?;
            if damaged.is_some() {
                self.persist(watch, |_| drop_damaged_checkpoint(&path))?;
            }
            step
        } else {
            self.trainer.restart()?;
            0
        };
        self.last_checkpoint = (step > 0).then_some(step);
        // Those of the undone steps would else stand in the map's next column, and be shown as the next step's.
        let _ = (self.trainer.take_loss_by_timestep(), self.trainer.take_worked_example());
        Ok(step)
    }

    fn roll_back(&mut self, diverged: u64, quantity: &'static str, watch: &mut Watch) -> Result<Control> {
        let path = self.folder.path().to_path_buf();
        // What stands in the folder decides, so it must be there.
        self.persist(watch, Self::mend)?;
        let again = self.last_checkpoint.is_some()
            && self.file.rollbacks.last().map(|rollback| rollback.to) == self.last_checkpoint;
        if again && checkpoint_before_newest(&path, &self.file).is_some() {
            self.persist(watch, |_| drop_damaged_checkpoint(&path))?;
        }
        let step = self.go_back(watch)?;
        let rollback = Rollback { step: diverged, quantity: quantity.into(), to: step };
        self.file.rollbacks.push(rollback.clone());
        self.trainer.halvings = self.file.rollbacks.len() as u32;
        self.persist(watch, |run| write_run_file(&path, &run.file))?;
        self.persist(watch, |run| run.folder.rewind(step))?;
        self.persist(watch, |run| run.folder.add_rollback(&rollback))?;
        let rate = self.trainer.settings().training.learning_rate * self.trainer.rate_share();
        let error = Error::Diverged { step: diverged, quantity };
        let (time, most) = (self.file.rollbacks.len(), MOST_ROLLBACKS);
        let what = format!(
            "{error}; it goes on from step {step} at half the learning rate, {rate} (time {time} of at most {most})"
        );
        self.folder.log(&what);
        watch(RunEvent::RolledBack { step, what, hint: HINT.into() }, &self.trainer)
    }
}

#[cfg(test)]
mod lost_device;
#[cfg(test)]
pub(super) mod tests;
#[cfg(test)]
mod unreachable;
