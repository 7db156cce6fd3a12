use super::*;

#[test]
fn seconds_and_dates_are_read_and_bounded() {
    // RFC 9110, 5.6.7, and 30 seconds before it.
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 30);
    let seconds = |text| asked_for(429, Some(text), now).map(|pause| pause.as_secs());
    let cases = [
        ("2", Some(2)),
        (" 120 ", Some(120)),
        ("0", None),
        ("86400", Some(300)),
        ("99999999999999999999999", Some(300)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", Some(30)),
        ("Sun Nov  6 08:49:37 1994", Some(30)),
        ("Sun, 06 Nov 1994 08:40:00 GMT", None),
        ("Mon, 07 Nov 1994 08:49:37 GMT", Some(300)),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(seconds(text), expected, "{text:?}");
    }
}

#[test]
fn only_an_overrun_catalog_is_obeyed() {
    let now = SystemTime::UNIX_EPOCH;
    let pauses = [200, 301, 409, 429, 500, 502, 503, 504].map(|status| asked_for(status, Some("7"), now).is_some());
    assert_eq!(pauses, [false, false, false, true, false, false, true, false]);
    assert_eq!(asked_for(429, None, now), None);
}

#[test]
fn the_latest_end_holds_and_passes() {
    let (hold_off, start) = (HoldOff::default(), Instant::now());
    assert_eq!(hold_off.until(start), None);
    hold_off.extend(start, Duration::from_secs(5));
    hold_off.clone().extend(start, Duration::from_secs(2));
    let end = start + Duration::from_secs(5);
    assert_eq!(hold_off.until(start), Some(end));
    assert_eq!(hold_off.until(end), None);
    hold_off.extend(end, Duration::from_secs(86_400));
    assert_eq!(hold_off.until(end), Some(end + LONGEST));
}
