//! Runs the model and prints what it found.
//!
//! `k2i-model [--deep] [--seconds N] [NAME…]`: the short runs, or with `--deep` those with larger bounds; only those
//! whose name contains one of the given ones. A run that takes longer than `--seconds` is cut off, and says so. The exit
//! code is 1 where something was found or something expected was not reached.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use k2i_chaos::model::{Setup, scenarios};
use stateright::{Checker, Expectation, Model};

struct Options {
    deep: bool,
    seconds: u64,
    names: Vec<String>,
}

fn options() -> Result<Options, String> {
    let mut options = Options { deep: false, seconds: 3_600, names: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--deep" => options.deep = true,
            "--seconds" => {
                let value = arguments.next().ok_or("--seconds needs a number")?;
                options.seconds = value.parse().map_err(|error| format!("--seconds {value}: {error}"))?;
            }
            name if name.starts_with('-') => return Err(format!("unknown option {name}")),
            name => options.names.push(name.to_owned()),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    let setups = if options.deep { scenarios::deep() } else { scenarios::short() };
    let wanted = |setup: &Setup| options.names.is_empty() || options.names.iter().any(|name| setup.name.contains(name));
    let results: Vec<bool> =
        setups.into_iter().filter(wanted).map(|setup| run(setup, Duration::from_secs(options.seconds))).collect();
    if results.iter().all(|good| *good) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(setup: Setup, limit: Duration) -> bool {
    let (name, threads) = (setup.name, std::thread::available_parallelism().map_or(1, usize::from));
    let start = Instant::now();
    let checker = setup.checker().threads(threads).timeout(limit).spawn_bfs().join();
    let elapsed = start.elapsed();
    let complete = if elapsed < limit { "all states" } else { "cut off" };
    println!(
        "{name}: {} states ({} generated), depth {}, {:.1} s, {complete}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        elapsed.as_secs_f64()
    );
    let found = checker.discoveries();
    let mut good = true;
    for property in checker.model().properties() {
        let path = found.get(property.name);
        match (property.expectation, path) {
            (Expectation::Sometimes, Some(path)) => {
                println!("  reached in {:>2} steps: {}", path.clone().into_actions().len(), property.name);
            }
            (Expectation::Sometimes, None) => {
                println!("  NOT REACHED: {}", property.name);
                good &= elapsed >= limit;
            }
            (_, Some(path)) => {
                println!("  VIOLATED: {}", property.name);
                path.clone().into_actions().iter().for_each(|action| println!("    {action:?}"));
                good = false;
            }
            (_, None) => println!("  holds: {}", property.name),
        }
    }
    good
}
