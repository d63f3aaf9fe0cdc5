//! The program: reads the command line, does what it asks, and says in two lines why it could not.

use std::io::Write;
use std::process::ExitCode;

use diffuscope::cli::{self, Plan};

fn main() -> ExitCode {
    diffuscope::memory::keep_freed_pages();
    match cli::guarded(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be reading; the exit code still tells.
            let _ = writeln!(std::io::stderr(), "{}", cli::two_lines(&error));
            ExitCode::from(error.exit_code())
        }
    }
}

fn run() -> diffuscope::Result<()> {
    if let Some(reports) = diffuscope::reports::Reports::of_user() {
        reports.write_on_panic();
    }
    let (plan, log) = cli::parse(std::env::args_os())?;
    cli::log::begin(log.as_ref())?;
    match plan {
        Plan::Tell(text) => cli::say(&text),
        Plan::Gui(plan) => cli::gui::run(plan),
        Plan::Train(plan) => cli::train::run(&plan),
        Plan::Rename(plan) => cli::rename::run(&plan),
        Plan::Sample(plan) => cli::sample::run(&plan),
        Plan::Predict(plan) => cli::predict::run(&plan),
        Plan::Export(plan) => cli::export::run(&plan),
        Plan::Figures(plan) => cli::figures::run(&plan),
        Plan::Bench(plan) => cli::bench::run(&plan),
        Plan::Eval(plan) => cli::eval::run(&plan),
        Plan::Classifier(plan) => cli::classifier::run(&plan),
    }
}
