//! The losses of a run as a table for other programs: CSV (RFC 4180), a line a step.

use std::io::{self, Write};
use std::path::Path;

use super::folder::METRICS;
use super::history::Line;
use super::metrics::StepReport;
use super::tail::Tail;
use crate::Result;
use crate::files::write_atomically;

const HEADER: &str = "step,epoch,images,seconds,loss,held_out_loss,learning_rate,gradient_norm";

/// Writes the metrics of a run folder to `path`, whole or not at all. Every step is there, however long the run was;
/// `held_out_loss` is empty where it was not measured.
///
/// # Errors
/// When the metrics cannot be read or the file cannot be written.
pub fn write_loss_table(run: &Path, path: &Path) -> Result<()> {
    let mut refused = None;
    write_atomically(path, |file| {
        writeln!(file, "{HEADER}")?;
        let (mut row, mut written) = (None, Ok(()));
        let mut end = |row: Option<Row>| {
            if let (Some(row), true) = (row, written.is_ok()) {
                written = row.write(file);
            }
        };
        let read = Tail::new(run.join(METRICS)).read(|line| match serde_json::from_slice(line) {
            Ok(Line::Step(report)) => end(row.replace(Row { step: report.step, report: Some(report), held_out: None })),
            Ok(Line::HeldOut { step, held_out }) => {
                if row.as_ref().is_none_or(|row: &Row| row.step != step) {
                    end(row.replace(Row { step, report: None, held_out: None }));
                }
                row.iter_mut().for_each(|row| row.held_out = Some(held_out));
            }
            Ok(Line::Evaluated { .. }) | Err(_) => {}
        });
        end(row);
        if let Err(error) = read {
            refused = Some(error);
            return Err(io::Error::other("the metrics cannot be read"));
        }
        written
    })
    .map_err(|error| refused.unwrap_or(error))
}

/// One step; without a report it is one whose held-out loss alone is known, as that before the first.
struct Row {
    step: u64,
    report: Option<StepReport>,
    held_out: Option<f64>,
}

impl Row {
    fn write(&self, file: &mut dyn Write) -> io::Result<()> {
        let held_out = self.held_out.map_or(String::new(), |loss| loss.to_string());
        match &self.report {
            Some(StepReport { step, epoch, images, seconds, loss, lr, grad_norm, .. }) => {
                writeln!(file, "{step},{epoch},{images},{seconds},{loss},{held_out},{lr},{grad_norm}")
            }
            None => writeln!(file, "{},,,,,{held_out},,", self.step),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    fn step(step: u64, loss: f64) -> String {
        let (epoch, images, seconds) = (step as f64 / 4.0, 32 * step, step as f64);
        let report = StepReport { step, epoch, images, loss, lr: 1e-3, grad_norm: 0.5, seconds, progress: 0.0 };
        serde_json::to_string(&report).unwrap()
    }

    #[test]
    fn every_step_has_a_line_and_torn_lines_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let held_out = |step: u64| format!(r#"{{"step":{step},"held_out":0.75}}"#);
        let lines = [held_out(0), step(1, 1.0), step(2, 0.1), held_out(2), "{torn".into(), step(3, 0.25)];
        std::fs::write(folder.path().join(METRICS), lines.join("\n") + "\n").unwrap();
        let table = folder.path().join("losses.csv");
        write_loss_table(folder.path(), &table).unwrap();
        let expected = "0,,,,,0.75,,\n1,0.25,32,1,1,,0.001,0.5\n2,0.5,64,2,0.1,0.75,0.001,0.5\n\
            3,0.75,96,3,0.25,,0.001,0.5\n";
        assert_eq!(std::fs::read_to_string(table).unwrap(), format!("{HEADER}\n{expected}"));
    }

    #[test]
    fn metrics_that_cannot_be_read_leave_no_table() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(METRICS)).unwrap();
        let table = folder.path().join("losses.csv");
        let error = write_loss_table(folder.path(), &table).unwrap_err();
        assert!(matches!(&error, Error::Format { path, .. } if path.ends_with(METRICS)), "{error}");
        assert!(!table.exists());
    }
}
