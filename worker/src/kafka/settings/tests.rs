//! Settings: what is refused, what is passed on, and that no secret is printed.

use k2i_runtime::config::refused_kafka_property;

use super::{ConnectionSettings, MIN_RECEIVE_MEMORY_BYTES, Role, SettingsError, Sizes};

fn settings(properties: &[(&str, &str)]) -> ConnectionSettings {
    ConnectionSettings {
        bootstrap_servers: "localhost:9092".to_owned(),
        group_id: "orders".to_owned(),
        client_id: "k2i".to_owned(),
        properties: properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        receive_memory_bytes: 64 << 20,
    }
}

#[test]
fn every_problem_is_found_at_once() {
    let mut all = settings(&[
        ("auto.offset.reset", "latest"),
        ("no.such.property", "1"),
        ("security.protocol", "carrier-pigeon"),
        ("client.rack", "r1"),
    ]);
    all.bootstrap_servers = " ".to_owned();
    all.receive_memory_bytes = 1 << 20;
    let expected = vec![
        SettingsError::Empty { key: "bootstrap_servers" },
        SettingsError::TooLittleMemory { bytes: 1 << 20 },
        SettingsError::Refused {
            key: "auto.offset.reset".to_owned(),
            why: refused_kafka_property("auto.offset.reset").unwrap(),
        },
        SettingsError::Unknown { key: "no.such.property".to_owned() },
        SettingsError::InvalidValue { key: "security.protocol".to_owned() },
    ];
    assert_eq!(all.problems(), expected);
}

#[test]
fn good_settings_have_no_problem_and_make_a_configuration() {
    let good = settings(&[("fetch.wait.max.ms", "10"), ("fetch.queue.backoff.ms", "50")]);
    assert_eq!(good.problems(), vec![]);
    let config = good.client_config(Role::Source).unwrap();
    for (key, value) in [
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("auto.offset.reset", "error"),
        ("isolation.level", "read_committed"),
        ("enable.partition.eof", "true"),
        ("check.crcs", "true"),
        ("allow.auto.create.topics", "false"),
        ("group.id", "orders"),
        ("fetch.queue.backoff.ms", "50"),
        ("fetch.wait.max.ms", "10"),
    ] {
        assert_eq!(config.get(key), Some(value), "{key}");
    }
    config.create_native_config().unwrap();
    assert_eq!(good.client_config(Role::Control).unwrap().get("group.id"), None);
}

#[test]
fn every_property_that_is_set_here_is_refused_from_the_user() {
    let config = settings(&[]).client_config(Role::Source).unwrap();
    let free = ["fetch.queue.backoff.ms", "topic.metadata.propagation.max.ms"];
    let keys: Vec<&str> = config.config_map().into_keys().filter(|key| !free.contains(key)).collect();
    assert!(keys.len() > 10);
    for key in keys {
        assert!(refused_kafka_property(key).is_some(), "{key} may be overridden");
    }
}

#[test]
fn no_value_of_a_property_is_printed() {
    let secret = settings(&[("sasl.password", "hunter2"), ("security.protocol", "hunter2")]);
    assert!(!format!("{secret:?}").contains("hunter2"));
    for problem in secret.problems() {
        assert!(!problem.to_string().contains("hunter2"));
        assert!(!format!("{problem:?}").contains("hunter2"));
    }
}

#[test]
fn the_memory_limit_bounds_queue_and_fetches() {
    for bytes in [MIN_RECEIVE_MEMORY_BYTES, 64 << 20, 1 << 30] {
        let sizes = Sizes::of(bytes);
        assert!(sizes.queued_kib * 1024 + 2 * sizes.fetch_bytes <= bytes, "{bytes}: {sizes:?}");
        assert!(sizes.queued_messages * 512 <= bytes / 2);
        assert!(sizes.partition_bytes * 2 <= sizes.fetch_bytes);
        let mut with = settings(&[]);
        with.receive_memory_bytes = bytes;
        assert_eq!(with.problems(), vec![]);
        super::super::client::connect(&with, Role::Source).unwrap();
    }
}

#[test]
fn settings_that_do_not_go_together_are_told_when_the_client_is_made() {
    let with = settings(&[("security.protocol", "SSL"), ("ssl.ca.location", "/no/such/file.pem")]);
    assert_eq!(with.problems(), vec![]);
    let error = super::super::client::connect(&with, Role::Source).err().unwrap();
    assert!(error.to_string().contains("ssl.ca.location"), "{error}");
}
