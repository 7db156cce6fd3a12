"""One Spark session, asked by lines of JSON on standard input, answering by lines of JSON on standard output.

    spark_session.py JARS FOLDER

A question is `{"number", "catalog": URL, "table": "namespace.table", "s3": {"endpoint", "key", "secret"}}`; the answer
to it has the same `number` and `found`, as survey.py gives it, or `error`. With `sql`, a list of statements in which
`{table}` stands for the table and `{catalog}` for its catalog, `found` is the rows of the last one instead. The first
line of the output is `{"ready": VERSION}`. The session ends when the input does, and its JVM with it. It listens on loopback only and writes
nothing outside FOLDER.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

# A child ends with this process, as this one does with the tests. By itself the JVM would notice within a second or two.
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
os.register_at_fork(after_in_child=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))

# The JVM inherits standard output and may write there: it gets standard error instead, the answers their own.
answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

from pyspark.sql import SparkSession

from survey import by_sql

REGION = "us-east-1"
# Quick to start and small, rather than fast for long.
JVM = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xms128m"


def start(jars: str, folder: str) -> SparkSession:
    settings = {
        "spark.master": "local[2]",
        # On the class path as they are: as `spark.jars` they would be copied at each start, as packages fetched.
        "spark.driver.extraClassPath": str(Path(jars) / "*"),
        "spark.driver.extraJavaOptions": JVM,
        "spark.driver.memory": "768m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": folder,
        "spark.sql.warehouse.dir": f"{folder}/warehouse",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
    }
    builder = SparkSession.builder.appName("k2i-tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


class Catalogs:
    """REST catalogs by address; Spark looks at a catalog's settings when it is first named, so each gets a name."""

    def __init__(self, spark: SparkSession):
        self.spark = spark
        self.names: dict[str, str] = {}

    def name(self, url: str, s3: dict) -> str:
        key = json.dumps([url, s3], sort_keys=True)
        if key not in self.names:
            name = f"lake{len(self.names)}"
            settings = {
                "": "org.apache.iceberg.spark.SparkCatalog",
                ".type": "rest",
                ".uri": url,
                # What was read once may have changed by the next question.
                ".cache-enabled": "false",
                ".io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
                ".client.region": REGION,
                ".s3.endpoint": s3["endpoint"],
                ".s3.path-style-access": "true",
                ".s3.access-key-id": s3["key"],
                ".s3.secret-access-key": s3["secret"],
            }
            for setting, value in settings.items():
                self.spark.conf.set(f"spark.sql.catalog.{name}{setting}", value)
            self.names[key] = name
        return self.names[key]


def answer(spark: SparkSession, catalogs: Catalogs, question: dict) -> dict:
    catalog = catalogs.name(question["catalog"], question["s3"])
    source = f"{catalog}.{question['table']}"
    if "sql" in question:
        rows = []
        for statement in question["sql"]:
            rows = spark.sql(statement.replace("{table}", source).replace("{catalog}", catalog)).collect()
        return [list(row) for row in rows]
    columns = spark.table(source).dtypes
    return by_sql(source, columns, lambda text: [tuple(row) for row in spark.sql(text).collect()])


def say(line: dict) -> None:
    print(json.dumps(line), file=answers, flush=True)


def main(jars: str, folder: str) -> None:
    spark = start(jars, folder)
    catalogs = Catalogs(spark)
    say({"ready": spark.version})
    for line in sys.stdin:
        question = json.loads(line)
        try:
            said = {"found": answer(spark, catalogs, question)}
        except Exception as error:  # whatever it is, the one who asked is to know
            said = {"error": f"{type(error).__name__}: {error}"}
        say({"number": question["number"], **said})
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
