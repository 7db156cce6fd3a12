//! What `make install` and the image put on a machine: pages that tell every flag, completions that complete, a unit that
//! systemd takes, every library that the program needs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use k2i_tests::cache::workspace;
use k2i_tests::k2i;
use k2i_tests::scene::{Scene, scene};

use super::feed::text;

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn what_is_installed_is_whole() {
    scene("what_is_installed_is_whole", |scene| {
        let prefix = installed(scene)?;
        pages_tell_every_flag(scene, &prefix.join("share/man/man1"))?;
        completions_complete(&prefix.join("share/bash-completion/completions/k2i"))?;
        for file in ["share/zsh/site-functions/_k2i", "share/fish/vendor_completions.d/k2i.fish"] {
            ensure!(fs::read_to_string(prefix.join(file))?.contains("ingest"), "{file} completes no command");
        }
        let mut verify = Command::new("systemd-analyze");
        // Nothing of this machine's systemd is asked, and no manual page is looked for where none is installed.
        verify.args(["verify", "--man=no"]).arg(prefix.join("lib/systemd/system/k2i.service"));
        let said = succeeds(&mut verify)?;
        ensure!(said.is_empty(), "systemd has something to say of the unit:\n{said}");
        let example = text(&prefix.join("share/doc/k2i/config.example.toml"))?.to_owned();
        k2i::run(scene, "example", &["validate", "--offline", "--config", &example], LIMIT)?.expect(0, &[])
    });
}

/// `deploy/install.sh` into the scene; gives the prefix.
fn installed(scene: &Scene) -> Result<std::path::PathBuf> {
    let prefix = scene.path("usr");
    let mut install = Command::new(workspace().join("deploy/install.sh"));
    install.arg(k2i::binary()?).env("PREFIX", &prefix).env("SYSCONFDIR", scene.path("etc")).env_remove("DESTDIR");
    succeeds(&mut install)?;
    Ok(prefix)
}

/// Each command has a page, and the page has each of its flags.
fn pages_tell_every_flag(scene: &Scene, pages: &Path) -> Result<()> {
    let page = |name: &str| fs::read_to_string(pages.join(name)).with_context(|| format!("no manual page {name}"));
    page("k2i.1")?;
    for command in ["ingest", "demo", "validate", "completions", "man"] {
        let help = k2i::run(scene, "help", &[command, "--help"], LIMIT)?;
        help.expect(0, &[])?;
        // A hyphen that is to be one is written so.
        let page = page(&format!("k2i-{command}.1"))?.replace("\\-", "-");
        let flags = help.text.split_whitespace().filter(|word| word.starts_with("--"));
        for flag in flags.map(|word| word.trim_end_matches(|c: char| !c.is_alphanumeric())) {
            ensure!(page.contains(flag), "the manual page of k2i {command} does not tell {flag}");
        }
    }
    Ok(())
}

/// Bash, given `k2i `, offers the commands.
fn completions_complete(script: &Path) -> Result<()> {
    let ask = format!(
        "source {:?} && COMP_WORDS=(k2i '') COMP_CWORD=1 && _k2i k2i '' k2i && printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        text(script)?
    );
    let offered = succeeds(Command::new("bash").args(["--norc", "-c", &ask]))?;
    for command in ["ingest", "validate", "demo"] {
        ensure!(offered.lines().any(|line| line == command), "bash does not offer {command}:\n{offered}");
    }
    Ok(())
}

#[test]
fn the_image_has_every_library_of_the_program() {
    scene("the_image_has_every_library_of_the_program", |_| {
        let dockerfile = fs::read_to_string(workspace().join("deploy/docker/Dockerfile"))?;
        let last = dockerfile.rsplit("\nFROM ").next().context("the image has a last stage")?;
        let named: BTreeSet<&str> = last.split_whitespace().collect();
        let libraries = succeeds(Command::new("ldd").arg(k2i::binary()?))?;
        let paths = libraries.lines().filter_map(|line| line.split(" => ").nth(1)?.split_whitespace().next());
        let mut checked = 0;
        for library in paths {
            let package = package_of(library)?;
            // Debian's slim image has these; nothing runs without them.
            let slim = ["libc6", "libgcc-s1"].contains(&package.as_str());
            ensure!(slim || named.contains(package.as_str()), "the image lacks {package}, which has {library}");
            checked += 1;
        }
        ensure!(checked > 0, "the program needs no library at all:\n{libraries}");
        Ok(())
    });
}

/// The Debian package that a library comes from. It knows files by the name that they were packed under, which may leave
/// out the `/usr` of a merged file system.
fn package_of(library: &str) -> Result<String> {
    let real = fs::canonicalize(library)?;
    let real = text(&real)?;
    let names = [library, real, real.strip_prefix("/usr").unwrap_or(real)];
    let search = Command::new("dpkg").arg("-S").args(names).output().context("cannot run dpkg")?;
    let found = String::from_utf8_lossy(&search.stdout);
    let package = found.lines().next().and_then(|line| line.split(':').next());
    Ok(package.with_context(|| format!("no package has {library}"))?.to_owned())
}

/// Runs a command; gives what it printed.
fn succeeds(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    ensure!(status.success(), "{command:?}: {status}\n{said}");
    Ok(said)
}
