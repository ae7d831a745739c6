//! `couler eval compare`: two runs over the same descriptions.

use std::path::PathBuf;

use crate::cli::{Failure, Output};
use crate::eval::{Conclusion, RunLog, compare, report as reports};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The log of the first run, the one to beat
    first: PathBuf,

    /// The log of the second run
    second: PathBuf,

    /// Print the comparison as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> Result<(), Failure> {
    let (first, second) = (RunLog::read(&arguments.first)?, RunLog::read(&arguments.second)?);
    let comparison = compare(&first, &second).ok_or_else(|| {
        Failure::usage("the two runs have no description in common", "compare two runs of the same suite")
    })?;
    if arguments.json {
        output.json(&comparison)?;
    } else {
        output.data(&reports::comparison(&comparison))?;
    }
    match comparison.conclusion {
        Conclusion::Better => Ok(()),
        Conclusion::NotEstablished if comparison.cases.is_empty() => Ok(()),
        Conclusion::Worse => Err(Failure::failed("the second run is worse", "the cases above tell where")),
        Conclusion::NotEstablished => Err(Failure::insufficient(
            "the difference is not established",
            "run more descriptions, or more samples of each (--samples)",
        )),
    }
}
