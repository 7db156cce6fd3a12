//! The manual pages and the shells' completions, made from the command line itself, so that they never tell another one.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use crate::Failure;
use crate::args::{Cli, CompletionsArgs, ManArgs};

/// `k2i completions SHELL`.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "k2i", &mut script);
    print(&script)
}

/// `k2i man`.
pub(crate) fn man(args: &ManArgs) -> Result<(), Failure> {
    match &args.out_dir {
        Some(folder) => write_pages(folder).map_err(Failure::from),
        None => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
            rendered.context("cannot make the manual page").map_err(Failure::from)?;
            print(&page)
        }
    }
}

/// One page for the program and one for each of its commands.
fn write_pages(folder: &Path) -> anyhow::Result<()> {
    let make = || -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        clap_mangen::generate_to(Cli::command(), folder)
    };
    make().with_context(|| format!("cannot write manual pages to {}", folder.display()))
}

/// Whoever stops reading has what they wanted.
fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("cannot write to standard output").into())
        }
        _ => Ok(()),
    }
}
