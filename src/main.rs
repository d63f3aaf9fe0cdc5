//! The program: reads the command line, does what it asks, and says in two lines why it could not.

use std::io::Write;
use std::process::ExitCode;

use diffuscope::cli;

/// Training allocates and frees the same sizes at every step, from several threads: mimalloc is built for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
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
    let plan = cli::parse(std::env::args_os())?;
    cli::say(&plan.to_string())
}
