//! Where the time of a work goes, operation by operation.

use std::time::Instant;

use serde::Serialize;

use super::{WARM_UP, Work, rounded};
use crate::memory::page_faults;
use crate::profile::{self, Part, Pass};
use crate::{Error, Result};

/// The parts that speed is about; the rest of a step should be small beside them.
const KERNELS: [&str; 11] = [
    "3×3 convolution",
    "3×3 convolution, direct",
    "3×3 convolution, few pixels",
    "1×1 convolution",
    "linear",
    "group norm",
    "modulated group norm",
    "attention",
    "resampling",
    "gradient norm",
    "optimizer",
];

/// Where the time of one work went; milliseconds are of one repeat, on average.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    pub work: &'static str,
    pub threads: usize,
    pub ms: f64,
    /// The longest first.
    pub rows: Vec<Row>,
    /// What no part counts: Candle's own operations, the order of the operations, and Candle's graph.
    pub rest_ms: f64,
    /// Share of all that is outside the convolutions, linear layers, norms, attention, resampling and the optimizer.
    pub outside_share: f64,
    /// Pages that the system had to give in one repeat; none where it does not tell.
    pub page_faults: Option<f64>,
}

/// One part of the work: its calls and milliseconds in one repeat.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub part: &'static str,
    pub calls: f64,
    /// For what is done once a step, all of it.
    pub forward_ms: f64,
    pub backward_ms: f64,
    pub share: f64,
}

impl Work {
    /// The parts of `repeats` repeats on the CPU, with the threads of the present pool.
    ///
    /// # Errors
    /// When the machine has no room.
    pub fn profile(self, repeats: usize) -> Result<Profile> {
        let mut work = self.prepare()?;
        for _ in 0..WARM_UP {
            work()?;
        }
        let (faults, started) = (page_faults(), Instant::now());
        let (result, parts) = profile::record(|| (0..repeats).try_for_each(|_| work()));
        result?;
        let ms = 1e3 * started.elapsed().as_secs_f64();
        let faults = faults.zip(page_faults()).map(|(before, after)| (after - before) as f64 / repeats as f64);
        if repeats == 0 {
            return Err(Error::usage("nothing was profiled", "use --repeats 1 or more"));
        }
        let rows = rows(&parts, ms, repeats as f64);
        let counted: f64 = rows.iter().map(|row| row.forward_ms + row.backward_ms).sum();
        let kernels: f64 = rows.iter().filter(|row| KERNELS.contains(&row.part)).map(|row| row.share).sum();
        let ms = ms / repeats as f64;
        Ok(Profile {
            work: self.name(),
            threads: rayon::current_num_threads(),
            ms: rounded(ms, 100.0),
            rest_ms: rounded(ms - counted, 100.0),
            outside_share: rounded(1.0 - kernels, 1000.0),
            page_faults: faults,
            rows,
        })
    }
}

/// One row for each name, of a whole of `total` milliseconds in which the work was done `repeats` times.
fn rows(parts: &[Part], total: f64, repeats: f64) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for part in parts {
        let ms = 1e3 * part.time.as_secs_f64();
        let place = rows.iter().position(|row| row.part == part.name).unwrap_or_else(|| {
            rows.push(Row { part: part.name, calls: 0.0, forward_ms: 0.0, backward_ms: 0.0, share: 0.0 });
            rows.len() - 1
        });
        let row = &mut rows[place];
        row.share += ms / total;
        match part.pass {
            Pass::Forward | Pass::Once => row.forward_ms += ms / repeats,
            Pass::Backward => row.backward_ms += ms / repeats,
        }
        row.calls = row.calls.max(part.calls as f64 / repeats);
    }
    rows.sort_by(|a, b| b.share.total_cmp(&a.share));
    for row in &mut rows {
        row.forward_ms = rounded(row.forward_ms, 1000.0);
        row.backward_ms = rounded(row.backward_ms, 1000.0);
        row.share = rounded(row.share, 10_000.0);
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn both_passes_of_a_part_share_a_row_and_the_longest_comes_first() {
        let part = |name, pass, calls, ms| Part { name, pass, calls, time: Duration::from_millis(ms) };
        let parts = [
            part("add", Pass::Forward, 4, 10),
            part("linear", Pass::Forward, 2, 20),
            part("linear", Pass::Backward, 2, 40),
            part("optimizer", Pass::Once, 2, 5),
        ];
        let rows = rows(&parts, 100.0, 2.0);
        let linear = Row { part: "linear", calls: 1.0, forward_ms: 10.0, backward_ms: 20.0, share: 0.6 };
        assert_eq!(rows[0], linear);
        assert_eq!(rows.iter().map(|row| row.part).collect::<Vec<_>>(), ["linear", "add", "optimizer"]);
    }

    #[test]
    fn a_step_is_its_parts_and_a_small_rest() {
        let profile = Work::SmallTrain.profile(1).unwrap();
        let sum: f64 = profile.rows.iter().map(|row| row.forward_ms + row.backward_ms).sum();
        assert!((sum + profile.rest_ms - profile.ms).abs() < 0.1, "{profile:?}");
        let calls = |part| profile.rows.iter().find(|row| row.part == part).map(|row| row.calls);
        for (part, count) in [("3×3 convolution", 11.0), ("attention", 1.0), ("optimizer", 1.0), ("batch", 1.0)] {
            assert_eq!(calls(part), Some(count), "{part}: {profile:?}");
        }
        let forward_only: Vec<_> =
            profile.rows.iter().filter(|row| row.backward_ms == 0.0).map(|row| row.part).collect();
        for part in forward_only {
            assert!(["optimizer", "batch", "gradient norm"].contains(&part), "{part} has no gradient");
        }
    }
}
