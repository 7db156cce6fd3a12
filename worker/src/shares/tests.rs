use super::*;

#[test]
fn a_budget_is_divided_or_said_to_be_too_small() {
    let shares = Shares::of(500 * MIB, 1, 10).unwrap();
    let all = shares.receive + 10 * (shares.queue + shares.encoder) as u64 + shares.uploads;
    assert!((499 * MIB..=500 * MIB).contains(&all), "{shares:?}");
    let error = Shares::of(100 * MIB, 2, 20).unwrap_err().to_string();
    let expected = "buffer.max_size_mb = 100 is too little for 20 tables that are read by 2 Kafka consumers: they need 160 at least";
    assert_eq!(error, expected);
    assert!(Shares::of(32 * MIB, 1, 4).is_ok(), "the smallest budget is enough for one consumer and four tables");
}

#[test]
fn a_row_group_fits_the_encoder_s_share() {
    let row_group = |mib: u64| Shares::of(mib * MIB, 1, 1).unwrap().files().row_group_bytes as u64 / MIB;
    assert_eq!([32, 200, 500].map(row_group), [8, 50, 64]);
}
