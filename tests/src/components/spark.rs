//! Spark with Iceberg's own runtime: the reference implementation as a reader. One session answers all questions of a
//! run, since it takes long to start and some 500 MB.
//!
//! The session is a Python process (`tests/e2e/spark_session.py`) whose JVM ends with it. It listens on loopback only.

use std::io::Write;
use std::process::{ChildStdin, Command};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{RestCatalog, S3};
use crate::cache;
use crate::process::{Process, forget};
use crate::wait::{Look, until};

/// The session's folder in the run folder.
pub(super) const SHARED: &str = "spark";

/// How long a question may take, the start of the session included.
const LIMIT: Duration = Duration::from_secs(180);

/// A Spark session. Dropping it kills it.
pub struct Spark {
    session: Mutex<Session>,
}

struct Session {
    process: Process,
    input: ChildStdin,
    /// Lines of the output that were taken: the first says that it is ready, each other one answers a question.
    taken: usize,
    /// Questions so far. Each has its number, so that an answer that nobody waited for is not taken for the next one.
    asked: u64,
}

impl Spark {
    /// The session that all tests of this process share, begun by whoever asks first. This does not wait until it is
    /// up, the first question does: ask for it early, and other things can be done meanwhile.
    ///
    /// # Errors
    /// It could not be installed or started.
    pub fn shared() -> Result<&'static Self> {
        static SESSION: OnceLock<std::result::Result<Spark, String>> = OnceLock::new();
        let started = SESSION.get_or_init(|| Self::start().map_err(|error| format!("{error:#}")));
        started.as_ref().map_err(|error| anyhow::anyhow!("no Spark: {error}"))
    }

    fn start() -> Result<Self> {
        let environment = super::installed("spark")?;
        let folder = cache::run_dir()?.join(SHARED);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut command = Command::new(environment.join("bin/python"));
        // -B: no compiled files beside the scripts, in the clone.
        command.arg("-B").arg(cache::workspace().join("tests/e2e/spark_session.py"));
        command.arg(environment.join("jars")).arg(&folder).current_dir(&folder);
        command.env_remove("PYTHONPATH").env_remove("PYTHONHOME");
        for prefix in ["AWS_", "SPARK_", "PYSPARK_"] {
            forget(&mut command, prefix);
        }
        // Without it Spark looks for an address of the machine.
        command.env("SPARK_LOCAL_IP", "127.0.0.1");
        let mut process = Process::spawn_with_input("spark", &folder.join("logs"), command)?;
        let input = process.take_input().context("the session was given an input")?;
        Ok(Self { session: Mutex::new(Session { process, input, taken: 0, asked: 0 }) })
    }

    /// What it finds in `namespace.table` of a REST catalog, as `survey.py` gives it.
    ///
    /// # Errors
    /// It could not read the table, has ended, or took too long.
    pub fn survey(&self, catalog: &RestCatalog, s3: &S3, table: &str) -> Result<Value> {
        self.ask(catalog, s3, table, None)
    }

    /// Runs SQL statements, in which `{table}` stands for `namespace.table` of a REST catalog and `{catalog}` for the
    /// catalog alone. The answer is the rows of the last one, each a list.
    ///
    /// # Errors
    /// A statement failed, the session has ended, or it took too long.
    pub fn run(&self, catalog: &RestCatalog, s3: &S3, table: &str, statements: &[&str]) -> Result<Value> {
        self.ask(catalog, s3, table, Some(statements))
    }

    fn ask(&self, catalog: &RestCatalog, s3: &S3, table: &str, statements: Option<&[&str]>) -> Result<Value> {
        let (key, secret) = S3::KEYS;
        let store = json!({"endpoint": s3.url(), "key": key, "secret": secret});
        // One that panicked while it waited has left nothing half done.
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.ready()?;
        let mut question = json!({"catalog": catalog.url(), "table": table, "s3": store});
        if let Some(statements) = statements {
            question["sql"] = json!(statements);
        }
        session.ask(question)
    }
}

impl Session {
    fn ready(&mut self) -> Result<()> {
        if self.taken == 0 {
            let said = self.next()?;
            println!("Spark {} is ready", said["ready"]);
        }
        Ok(())
    }

    fn ask(&mut self, mut question: Value) -> Result<Value> {
        self.asked += 1;
        question["number"] = self.asked.into();
        writeln!(self.input, "{question}").context("the Spark session takes no question")?;
        loop {
            let mut said = self.next()?;
            if said["number"] != self.asked {
                continue;
            }
            return match said.get_mut("found") {
                Some(found) => Ok(found.take()),
                None => bail!("Spark: {}", said["error"].as_str().unwrap_or("an answer without content")),
            };
        }
    }

    fn next(&mut self) -> Result<Value> {
        let taken = self.taken;
        let line = until("Spark to answer", LIMIT, || {
            let output = self.process.output();
            if let Some(line) = output.split_inclusive('\n').nth(taken).filter(|line| line.ends_with('\n')) {
                return Ok(Look::Done(line.to_owned()));
            }
            self.process.expect_running()?;
            Ok(Look::NotYet(self.process.errors().lines().last().unwrap_or_default().to_owned()))
        })?;
        self.taken += 1;
        serde_json::from_str(&line).with_context(|| format!("the Spark session printed no JSON: {line:?}"))
    }
}
