//! A server that asks for a pause gets it.

use tokio::time::Instant;

use super::*;

/// Asks for a table and says whether the server was asked.
async fn asked(server: &Server, catalog: &RestCatalog) -> bool {
    let before = server.paths().len();
    let _ = catalog.load(&ident()).await;
    server.paths().len() > before
}

#[tokio::test]
async fn nothing_is_sent_before_the_time_that_the_catalog_names() {
    let server = Server::start().await;
    let catalog = open(&server).await;
    let base = created(&catalog).await;
    server.script("GET", "/tables/orders", Scripted::Later(429, "2"));
    let began = Instant::now();
    assert_eq!(catalog.load(&ident()).await.unwrap_err().recovery(), crate::Recovery::Retry);
    assert!(!asked(&server, &catalog).await, "the pause was not kept");
    let outcome = catalog.commit(&base, Vec::new(), set("early")).await;
    let Outcome::Rejected(why) = outcome else { panic!("it was not sent, so it certainly did not apply: {outcome:?}") };
    assert!(why.contains("not sent") && why.contains("asked for a pause"), "{why}");
    while !asked(&server, &catalog).await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(2), "asked again after {waited:?}");
    assert_eq!(catalog.commit(&base, Vec::new(), set("late")).await, Outcome::Committed);
}

#[tokio::test]
async fn a_commit_that_is_put_off_may_have_been_applied_or_not_as_before() {
    for (status, certain) in [(429, true), (503, false)] {
        let server = Server::start().await;
        let catalog = open(&server).await;
        let base = created(&catalog).await;
        server.script("POST", "/tables/orders", Scripted::Later(status, "60"));
        let outcome = catalog.commit(&base, Vec::new(), set("a")).await;
        assert_eq!(matches!(outcome, Outcome::Rejected(_)), certain, "{outcome:?}");
        assert_eq!(matches!(outcome, Outcome::Unknown(_)), !certain, "{outcome:?}");
        assert!(!asked(&server, &catalog).await);
    }
}

#[tokio::test]
async fn connections_that_share_it_keep_the_pause_together_and_others_do_not() {
    let (slow, other) = (Server::start().await, Server::start().await);
    let settings = RestSettings::new(&slow.uri);
    let first = RestCatalog::open(&settings, None).await.unwrap();
    let second = RestCatalog::open(&settings, Some("house")).await.unwrap();
    let third = open(&other).await;
    slow.script("GET", "/tables/orders", Scripted::Later(503, "60"));
    assert!(asked(&slow, &first).await);
    assert!(!asked(&slow, &second).await);
    assert!(RestCatalog::open(&settings, None).await.is_err());
    assert!(asked(&other, &third).await);
}

#[tokio::test]
async fn a_token_issuer_that_is_overrun_is_left_alone_too() {
    let server = Server::start().await;
    server.script("POST", "/tokens", Scripted::Later(429, "60"));
    let mut settings = RestSettings::new(&server.uri);
    credentials(&mut settings);
    for _ in 0..2 {
        assert_eq!(RestCatalog::open(&settings, None).await.unwrap_err().recovery(), crate::Recovery::Retry);
    }
    assert_eq!(server.paths(), ["POST /v1/oauth/tokens"]);
}
