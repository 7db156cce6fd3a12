//! `k2i validate`: the configuration file, with every error at once.

use k2i_runtime::config::{Config, Sources};

use crate::args::ValidateArgs;
use crate::{Failure, bindings};

pub(crate) fn run(args: &ValidateArgs) -> Result<(), Failure> {
    if !args.offline {
        let text = "k2i validate checks the file only in this version: add --offline";
        return Err(Failure::config(text));
    }
    let sources = Sources::of_process(&args.config, Vec::new()).map_err(Failure::config)?;
    let config = Config::load(&sources).map_err(Failure::config)?;
    bindings::check(&config).map_err(Failure::config)?;
    for warning in &config.warnings {
        println!("warning: {warning}");
    }
    let tables: Vec<&str> = config.tables.iter().map(|table| table.key.as_str()).collect();
    println!("{} is right: {}", args.config.display(), tables.join(", "));
    Ok(())
}
