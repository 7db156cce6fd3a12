//! What the other tests rely on in the store they share: a condition is looked at and acted upon in one step.

use std::sync::Barrier;
use std::thread;

use anyhow::{Context, Result, ensure};
use k2i_tests::components::S3;
use k2i_tests::http::{Answer, send};
use k2i_tests::scene::scene;

const WRITERS: usize = 6;
const ROUNDS: usize = 25;
/// The server checks no signature, but tells an owner of objects from somebody unknown.
const OWNER: (&str, &str) = (
    "Authorization",
    "AWS4-HMAC-SHA256 Credential=k2i-test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
);
/// The checksum is what the server computes between its look at the condition and its write. Over a body of this size
/// that takes long enough for another writer to slip in, if it could.
const CREATE: [(&str, &str); 3] = [OWNER, ("If-None-Match", "*"), ("x-amz-sdk-checksum-algorithm", "SHA256")];
const BODY_BYTES: usize = 1 << 20;

#[test]
fn one_of_racing_creations_wins() {
    scene("one_of_racing_creations_wins", |_| {
        let (s3, bucket) = (S3::shared()?, "racing-creations");
        s3.create_bucket(bucket)?;
        race(|writer, round| send(s3.port(), "PUT", &format!("/{bucket}/{round}"), &CREATE, &body(writer)))
    });
}

#[test]
fn one_of_racing_completions_wins() {
    scene("one_of_racing_completions_wins", |_| {
        let (s3, bucket) = (S3::shared()?, "racing-completions");
        s3.create_bucket(bucket)?;
        race(|writer, round| {
            let key = format!("/{bucket}/{round}");
            let begun = send(s3.port(), "POST", &format!("{key}?uploads"), &[OWNER], "")?.body;
            let (_, rest) = begun.split_once("<UploadId>").with_context(|| format!("no upload: {begun}"))?;
            let (upload, _) = rest.split_once("</UploadId>").context("an element ends")?;
            let part = format!("{key}?partNumber=1&uploadId={upload}");
            let stored = send(s3.port(), "PUT", &part, &[OWNER], &body(writer))?;
            ensure!(stored.status == 200, "no part: {} {}", stored.status, stored.body);
            let parts = send(s3.port(), "GET", &format!("{key}?uploadId={upload}"), &[OWNER], "")?.body;
            let (_, rest) = parts.split_once("<ETag>").with_context(|| format!("no part listed: {parts}"))?;
            let (tag, _) = rest.split_once("</ETag>").context("an element ends")?;
            let body = format!(
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
            );
            send(s3.port(), "POST", &format!("{key}?uploadId={upload}"), &CREATE, &body)
        })
    });
}

fn body(writer: usize) -> String {
    writer.to_string().repeat(BODY_BYTES)
}

/// Every round, all writers at once; one is answered 200, the others 412.
fn race(write: impl Fn(usize, usize) -> Result<Answer> + Sync) -> Result<()> {
    let gate = Barrier::new(WRITERS);
    let rounds = thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (gate, write) = (&gate, &write);
                scope.spawn(move || {
                    let round = |round| {
                        gate.wait();
                        write(writer, round).map(|answer| answer.status)
                    };
                    (0..ROUNDS).map(round).collect::<Vec<Result<u16>>>()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().expect("a writer does not panic")).collect::<Vec<_>>()
    });
    let rounds = rounds.into_iter().map(|all| all.into_iter().collect()).collect::<Result<Vec<Vec<u16>>>>()?;
    for round in 0..ROUNDS {
        let mut answers: Vec<u16> = rounds.iter().map(|of_writer| of_writer[round]).collect();
        answers.sort_unstable();
        let wanted = [&[200][..], &[412; WRITERS - 1]].concat();
        ensure!(answers == wanted, "round {round} was answered {answers:?}");
    }
    Ok(())
}
