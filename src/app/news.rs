//! What each event of the engine changes in the state.

use std::time::Instant;

use super::action::Action;
use super::heat_map::HeatMap;
use super::how_far::{HowFar, ImagesRead};
use super::logic::App;
use super::notices::Kind;
use super::recording::{Moment, Recording, SamplingProgress};
use super::runs::RunSummary;
use super::save_form::SaveResult;
use super::schedule_view::alpha_bars;
use super::state::{Activity, EndReason, ModelFacts, Progress, RunFacts, Tab};
use crate::config::Settings;
use crate::engine::{Command, DrawnFor, Event, ModelReady, RunStarted, Task};
use crate::train::StepReport;

impl App {
    pub(super) fn take(&mut self, event: Event) {
        let state = &mut self.state;
        if state.live.is_stale(&event) {
            return;
        }
        match event {
            Event::Activity(activity) => {
                state.activity = activity;
                (state.reading, state.reading_images) = (None, None);
            }
            Event::Reading { done, total } => {
                let share = done as f64 / total.max(1) as f64;
                state.reading = Some(state.reading.unwrap_or_else(HowFar::begin).at(share));
            }
            Event::Writing { share } => state.writing = state.writing.map(|writing| writing.at(share)),
            Event::ReadingImages { during: Task::ReadingData, reading } => state.data.reads(reading),
            Event::ReadingImages { during: Task::LookingForCopies, reading } => state.copies.reads(reading),
            Event::ReadingImages { during: Task::FindingOrigin, reading } => state.origin.reads(reading),
            Event::ReadingImages { reading, .. } => {
                state.reading_images = Some(ImagesRead::next(state.reading_images, reading));
            }
            Event::ReadingStopped { during: Task::LookingForCopies } => state.copies.stopped(),
            Event::ReadingStopped { during: Task::FindingOrigin } => state.origin.stopped(),
            Event::ReadingStopped { .. } => self.reading_stopped(),
            Event::RunStarted(started) => self.run_started(started),
            Event::RunOpened(opened) => self.run_opened(opened),
            Event::Attached(opened) => self.attached(opened),
            Event::Detached { run, ended } => self.detached(&run, ended),
            Event::History(history) => self.take_history(&history),
            Event::Runs { folder, runs } if folder == state.runs.folder => {
                for RunSummary { path, record, .. } in &runs {
                    state.run_named(path.clone(), record.as_ref().map(|it| it.file.name.clone()).unwrap_or_default());
                }
                state.runs.list = Some(runs);
                state.runs.reading = false;
            }
            Event::Runs { .. } => {}
            Event::RunRead(read) => self.run_read(*read),
            Event::RunUnread { run, what, hint } => self.run_unread(&run, &what, hint),
            Event::RunNamed { run, name } => state.run_named(run, name),
            Event::RunDeleted { run } => self.run_deleted(&run),
            Event::Step(report) => self.stepped(&report),
            Event::LossByTimestep { step, losses } => {
                state.by_timestep.push(step, &losses);
                state.heat = HeatMap::new(&state.by_timestep);
            }
            Event::Worked(example) => state.worked = Some(example),
            Event::HeldOut { step, loss } => state.loss.held_out.push(step, loss),
            Event::Preview(grid) => state.grid_drawn(grid),
            Event::Film { run, film } => {
                if state.run.as_ref().is_some_and(|shown| shown.folder == run) {
                    state.filmed(&film);
                }
            }
            Event::FilmsRead { run, damaged } => self.films_read(&run, damaged),
            Event::Evaluated { step, eval } => state.evaluations.push(step, eval),
            Event::Checkpointed { step, .. } => {
                if let Some(run) = &mut state.run {
                    run.checkpoint = Some(step);
                }
            }
            Event::RunEnded { step, reason, run } => self.run_ended(step, reason, &run),
            Event::ModelReady(ready) => self.model_ready(ready),
            Event::OriginFound { source, image, of } => state.origin_found(source, image, of),
            Event::Redrawing { generation } => state.live.taken(generation),
            Event::Rough { first, count, pictures, classes, seconds } => {
                state.take_rough(first, count, &pictures, (classes, seconds));
            }
            Event::SamplingStarted { id, why, frames, count, timesteps, classes, model, provenance } => {
                let recording = Recording::new(id, timesteps, count, classes).drawn_by(why, model, provenance);
                self.sampling_started(recording, frames);
            }
            Event::Frame { id, frame } => {
                let crate::engine::Frame { step, t, x_t, x0_hat, eps_hat } = frame;
                self.recorded(id, Moment { step, t, x_t, x0_hat, eps_hat });
            }
            Event::SamplingEnded { id, cancelled, seconds } => {
                state.live.ended();
                if state.sampling.is_some_and(|progress| progress.id == id) {
                    state.sampling = None;
                    state.sampled_in = (!cancelled).then_some(seconds);
                }
                state.go_back();
            }
            Event::LookingForCopies { share } => state.copies.makes_ready(share),
            Event::CopiesFound { picture, copying } => state.copies.take(picture, *copying),
            Event::DigitsNamed { pictures, digits } => state.naming.take(pictures, digits),
            Event::DataSeen { data, seed, sheet } => state.data.take(*data, seed, sheet),
            Event::ProvenanceRead { path, provenance } => self.provenance_read(&path, provenance),
            Event::Saved { what, path } => {
                state.writes = state.writes.saturating_sub(1);
                if !state.save.open {
                    state.notices.add(Kind::Done, format!("Saved the {what} to {}", path.display()), None);
                }
                state.writing = None;
                state.save.there = None;
                state.save.result = Some(SaveResult::Saved(path));
            }
            Event::FileExists { path } => state.not_replaced(path),
            Event::Device(device) => {
                if let Some(run) = &mut state.run {
                    run.device = Some(device);
                }
            }
            Event::Notice(text) => state.notices.add(Kind::Info, text, None),
            Event::Failed { during, what, hint } => self.failed(during, &what, hint),
        }
    }

    fn failed(&mut self, during: Task, what: &str, hint: String) {
        if matches!(during, Task::Engine | Task::ReadingRun) {
            // Nothing tells which: no thread was there to read it.
            self.leave_out_unread();
        }
        let state = &mut self.state;
        state.failed_while_closing(during, what, &hint);
        let ended = during == Task::Engine;
        let asked_by_tab = (ended || during == Task::ReadingData) && state.data.fail(format!("{what}: {hint}"));
        if asked_by_tab && !ended {
            // The tab that asked says it.
            return;
        }
        if ended || during == Task::LookingForCopies {
            state.copies.fail(format!("{what}: {hint}"));
        }
        if matches!(during, Task::Saving | Task::DeletingRun) {
            state.writes = state.writes.saturating_sub(1);
        }
        if ended || during == Task::Saving {
            state.writing = None;
        }
        if ended {
            state.writes = 0;
            // Nothing that was going on will tell of its end.
            state.activity = Activity::Idle;
            state.sampling = None;
            if let Some(run) = &mut state.run {
                run.ended.get_or_insert(EndReason::Failed);
            }
        }
        let mut form_tells = false;
        if (ended || during == Task::Saving) && state.save.result == Some(SaveResult::Writing) {
            state.save.result = Some(SaveResult::Failed { what: what.into(), hint: hint.clone() });
            form_tells = state.save.open && !ended;
        }
        if ended || matches!(during, Task::Sampling | Task::FindingOrigin) {
            state.origin.failed();
        }
        if ended || during == Task::Attaching {
            state.attaching = false;
        }
        if ended || during == Task::Sampling {
            state.live.ended();
        }
        if ended || during == Task::NamingDigits {
            state.naming.fail();
        }
        if ended || during == Task::ListingRuns {
            state.runs.reading = false;
        }
        // One that was written just now may be what helps.
        self.offer_new_report();
        if !form_tells {
            let state = &mut self.state;
            let help = state.help(during);
            state.notices.add_with(Kind::Failed, format!("{}: {what}", during.words()), Some(hint), help);
        }
    }

    fn films_read(&mut self, run: &std::path::Path, damaged: usize) {
        let state = &mut self.state;
        if state.run.as_ref().is_none_or(|shown| shown.folder != run) {
            return;
        }
        state.films.reading = false;
        state.go_back();
        if damaged > 0 {
            let text = format!("{damaged} of the films in {} cannot be read and are left out", run.display());
            state.notices.add(Kind::Info, text, None);
        }
    }

    fn run_started(&mut self, started: RunStarted) {
        let state = &mut self.state;
        let RunStarted { run, settings, step, parameters, images, device, estimate } = started;
        let goes_on = step > 0 && state.run.as_ref().is_some_and(|shown| shown.folder == run);
        if !goes_on {
            state.forget_run();
            state.recording = None;
            state.player.playing = false;
            if state.is_drawing() {
                // By another model, and shown nowhere.
                self.command(Command::CancelSampling);
            }
        }
        let state = &mut self.state;
        state.grid.forget_asked();
        state.films.drop_after(step);
        state.films.reading = step > 0;
        self.measure = Default::default();
        let seconds_left = estimate.map(|estimate| estimate.seconds());
        state.progress = Progress { step, seconds_left, ..Progress::default() };
        if let Some(estimate) = estimate {
            state.notices.add(Kind::Info, format!("Training will take {estimate}"), None);
        }
        state.run = Some(RunFacts {
            folder: run,
            settings,
            parameters,
            images,
            device: Some(device),
            checkpoint: (step > 0).then_some(step),
            ended: None,
            left: false,
        });
        if state.tab != Tab::Charts && !state.tab_is_own {
            state.tab = Tab::Train;
        }
    }

    fn stepped(&mut self, report: &StepReport) {
        let speed = self.measure.add(report.seconds, report.images);
        let state = &mut self.state;
        // Where the disk took what the run had to write, nobody has to press Continue.
        state.notices.goes_on(&Action::Continue);
        state.loss.train.push(report.step, report.loss);
        state.loss.clock.push(report.step, report.seconds);
        state.pulse.push(report);
        let left = report.seconds * (1.0 - report.progress) / report.progress;
        state.progress = Progress {
            step: report.step,
            epoch: report.epoch,
            share: report.progress.clamp(0.0, 1.0),
            images_per_second: speed.or(state.progress.images_per_second),
            seconds_left: Some(left.max(0.0)).filter(|left| left.is_finite()),
        };
    }

    fn run_ended(&mut self, step: u64, reason: EndReason, folder: &std::path::Path) {
        let state = &mut self.state;
        state.activity = Activity::Idle;
        state.progress.step = step;
        state.progress.seconds_left = None;
        if let Some(run) = &mut state.run {
            run.ended = Some(reason);
            if reason != EndReason::Failed {
                run.checkpoint = Some(step);
            }
        }
        let text = match reason {
            EndReason::Completed => format!("Training is complete after {step} steps: {}", folder.display()),
            EndReason::Stopped => format!("Training was stopped at step {step} and kept: {}", folder.display()),
            EndReason::Failed => {
                format!("Training failed; what was learned up to the last checkpoint is in {}", folder.display())
            }
        };
        state.notices.add(if reason == EndReason::Failed { Kind::Info } else { Kind::Done }, text, None);
        self.runs_changed();
    }

    fn model_ready(&mut self, ready: ModelReady) {
        let ModelReady { settings, step, parameters, source, ships, opened } = ready;
        let state = &mut self.state;
        if opened && !ships && !state.returns_to_model() {
            let sampling = settings.sampling.clone();
            state.set_settings(Settings { sampling, ..state.settings.clone() });
        }
        let recorded = settings.sampling.clone();
        state.model = Some(ModelFacts { settings, step, parameters, source, ships });
        self.origin_model_changed();
        let state = &mut self.state;
        let completed = state.run.as_ref().is_some_and(|run| run.ended == Some(EndReason::Completed));
        if ships {
            // As it draws best: the person's own settings may suit another model.
            let own = self.state.asked_drawing();
            self.state.live.asked(own);
            self.command(Command::Sample { settings: recorded, why: DrawnFor::FirstLook });
        } else if opened {
            self.sample(DrawnFor::Opening);
        } else if completed && !self.state.awaits_pictures() && !self.state.has_drawing_of_a_person() {
            self.sample(DrawnFor::RunEnd);
        }
    }

    fn sampling_started(&mut self, recording: Recording, frames: usize) {
        let state = &mut self.state;
        let diffusion = &recording.model.as_deref().unwrap_or(&state.settings).diffusion;
        state.recording_alpha_bar = alpha_bars(diffusion).unwrap_or_default().into();
        state.sampling = Some(SamplingProgress::new(recording.id, frames, Instant::now()));
        state.live.begun();
        state.drawing_begins_under_form(recording.drawn_for);
        // Who looks at the films of the training goes on with that.
        let looked_for = recording.drawn_for != DrawnFor::RunEnd || state.tab == Tab::Sample;
        state.origin.sampling_started(recording.id);
        if looked_for && !state.returns_to_film() {
            state.films.leave();
        }
        if state.film_step().is_none() {
            state.followed = state.followed.min(recording.count.saturating_sub(1));
            state.player.playing = false;
        }
        state.recording = Some(recording);
    }
}
