//! Clap's errors in the program's own form: one line that says what is wrong, one that says what to do.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::value::BadValue;
use crate::error::Error;

/// What was typed wrongly, as [`Error::Usage`].
pub fn from_clap(error: &clap::Error) -> Error {
    let help = format!("see {} --help", command(error));
    let full = text(error, ContextKind::InvalidArg).unwrap_or_else(|| "a value".into());
    let flag = name(&full);
    let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let hint = text(error, ContextKind::SuggestedArg).map_or(help, |known| format!("did you mean {known}?"));
            Error::usage(format!("there is no {flag}"), hint)
        }
        ErrorKind::InvalidSubcommand => {
            let typed = text(error, ContextKind::InvalidSubcommand).unwrap_or_default();
            let hint =
                text(error, ContextKind::SuggestedSubcommand).map_or(help, |known| format!("did you mean {known}?"));
            Error::usage(format!("there is no command {typed}"), hint)
        }
        ErrorKind::MissingRequiredArgument => Error::usage(format!("{flag} is missing"), format!("add {full}; {help}")),
        ErrorKind::ArgumentConflict => match text(error, ContextKind::PriorArg).map(|prior| name(&prior)) {
            Some(prior) if prior != flag => {
                Error::usage(format!("{flag} cannot be used with {prior}"), "leave one of them out")
            }
            _ => Error::usage(format!("{flag} is given more than once"), "give it once"),
        },
        ErrorKind::InvalidValue if value.is_empty() => {
            Error::usage(format!("{flag} needs a value"), format!("write {full}"))
        }
        ErrorKind::InvalidValue => {
            let hint = text(error, ContextKind::ValidValue).map_or(help, |valid| format!("use {valid}"));
            Error::usage(format!("{flag}: \"{value}\" is not one of its values"), hint)
        }
        ErrorKind::ValueValidation => match error.source().and_then(|cause| cause.downcast_ref::<BadValue>()) {
            Some(bad) => Error::usage(format!("{flag}: {bad}"), bad.hint),
            None => Error::usage(format!("{flag}: \"{value}\" cannot be read"), help),
        },
        ErrorKind::TooManyValues => Error::usage(format!("{flag} takes no value \"{value}\""), help),
        ErrorKind::InvalidUtf8 => Error::usage("an argument is not valid UTF-8", help),
        _ => Error::usage(error.kind().as_str().unwrap_or("the arguments do not fit together"), help),
    }
}

/// A piece of clap's context as text; several values are joined with commas.
fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) if !texts.is_empty() => Some(texts.join(", ")),
        _ => None,
    }
}

/// `--lr` of `--lr <X>`.
fn name(flag: &str) -> String {
    let names: Vec<_> = flag.split(", ").map(|flag| flag.split(' ').next().unwrap_or(flag)).collect();
    names.join(", ")
}

/// `diffuscope train` of `Usage: diffuscope train [OPTIONS] --out <DIR>`.
fn command(error: &clap::Error) -> String {
    let usage = error.get(ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
    let words = usage.split_whitespace().skip(1);
    let command: Vec<_> = words.take_while(|word| !word.starts_with(['[', '<', '-'])).collect();
    if command.is_empty() { env!("CARGO_PKG_NAME").into() } else { command.join(" ") }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use rstest::rstest;

    use super::*;
    use crate::cli::Cli;

    #[rstest]
    #[case("train --out r --epoch 3", "there is no --epoch", "did you mean --epochs?")]
    #[case("train --out r --frobnicate", "there is no --frobnicate", "see diffuscope train --help")]
    #[case("train --out r extra", "there is no extra", "see diffuscope train --help")]
    #[case("trian", "there is no command trian", "did you mean train?")]
    #[case("xyzzy", "there is no command xyzzy", "see diffuscope --help")]
    #[case("train", "--out is missing", "add --out <DIR>; see diffuscope train --help")]
    #[case("sample", "--out is missing", "add --out <PATH>; see diffuscope sample --help")]
    #[case("train --out r --epochs 3 --steps 9", "--epochs cannot be used with --steps", "leave one of them out")]
    #[case("train --out r --seed 3 --seed 4", "--seed is given more than once", "give it once")]
    #[case("train --out r --preset big", "--preset: \"big\" is not one of its values", "use nano, small, base, seed")]
    #[case("train --out r --epochs x", "--epochs: \"x\" is not a whole number", "use digits only, such as 1000")]
    #[case("train --out r -1", "there is no -1", "see diffuscope train --help")]
    #[case("train --out", "--out needs a value", "write --out <DIR>")]
    #[case("train --out r --resume=yes", "--resume takes no value \"yes\"", "see diffuscope train --help")]
    fn each_error_is_two_lines(#[case] typed: &str, #[case] what: &str, #[case] hint: &str) {
        let words = std::iter::once("diffuscope").chain(typed.split(' '));
        let error = from_clap(&Cli::command().try_get_matches_from(words).unwrap_err());
        assert_eq!((error.to_string().as_str(), error.hint().as_str()), (what, hint));
        assert_eq!(error.exit_code(), 2);
    }
}
