//! A planted secret never survives, wherever it stands; and what is no secret is left alone.

use proptest::prelude::*;
use tidegate_redact::{Detected, Detector, Scrubber, scrub};

const ALL: Scrubber = Scrubber { ip_addresses: true };

#[test]
fn what_is_found_is_named() {
    for (text, scrubbed) in [
        ("write to Max.Muster+x@mail.example.co.uk.", "write to [email]."),
        ("<jörg@müller.de>, 'o'neil@x.ie'", "<[email]>, '[email]'"),
        ("https://x.com/?mail=max%40example.com&n=1", "https://x.com/?mail=[email]&n=1"),
        ("card 4111111111111111, 4111-1111-1111-1111 or 3782 822463 10005", "card [card], [card] or [card]"),
        ("IBAN DE89 3704 0044 0532 0130 00 and gb82west12345698765432", "IBAN [iban] and [iban]"),
        ("call +49 (0)30 1234567 or (415) 555-2671", "call [phone] or [phone]"),
        ("Tel.: 4155552671, 020 7946 0958, 01 23 45 67 89, 0151/12345678", "Tel.: [phone], [phone], [phone], [phone]"),
        ("ssn 123-45-6789", "ssn [ssn]"),
        ("AKIAIOSFODNN7EXAMPLE sk-ant-api03-abcdefgh_ijk", "[key] [key]"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345 xoxb-123456789012-abcdef", "[key] [key]"),
        ("AIzaSyA-0123456789abcdefghijklmnopqrstu", "[key]"),
        ("a eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_123 b", "a [key] b"),
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer [key]"),
        ("the Bearer abc.def-1234567 came", "the Bearer [key] came"),
        ("password=hunter2&user=max", "password=[password]&user=max"),
        (r#"{"password": "my long secret", "n": 1}"#, r#"{"password": "[password]", "n": 1}"#),
        (r#"{\"api_key\":\"hunter2\",\"n\":1}"#, r#"{\"api_key\":\"[password]\",\"n\":1}"#),
        (r#"{"pwd": "a\"b", "n": 1}"#, r#"{"pwd": "[password]", "n": 1}"#),
        ("postgres://app:s3cr3t@db/x", "postgres://app:[password]@db/x"),
        ("x -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- y", "x [key] y"),
        ("x -----BEGIN PRIVATE KEY-----\nMIIE cut off", "x [key]"),
    ] {
        assert_eq!(scrub(text), scrubbed, "{text}");
    }
    assert_eq!(ALL.scrub("from 192.168.2.17:8080 and fe80::1, at 10:22:33"), "from [ip]:8080 and [ip], at 10:22:33");
    assert_eq!(scrub("from 192.168.2.17"), "from 192.168.2.17");
}

#[test]
fn what_is_no_secret_is_left_alone() {
    for text in [
        "",
        "all 12 tests passed",
        "at 2026-01-02T03:04:05.123456Z, 2026-01-02 03:04:05, 01-02-2026 10:22, 02.01.2026",
        "1700000000 1700000000000 1700000000000000 1700000000000000000",
        "0.1234567890123 3.14159265358979 -12345678.25 1e+12345",
        "550e8400-e29b-41d4-a716-446655440000 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7",
        "order 1234567890123456, invoice 20260102001, version 10.12.2034",
        "4111111111111112 4111 1111 1111 1112",
        "DE89370400440532013001, react@18.2.0, @mention, a@b, user@localhost",
        "task-management and risk-assessment of sk-learn",
        "the bearer certificates, a bearer of news, the secret of success, my password manager",
        "input_tokens: 42, max_tokens=100, token count 7",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "UTC+0100, +1, + 12, 5+12",
        "000-12-3456 666-12-3456 123-00-3456 123-45-0000",
    ] {
        assert_eq!(scrub(text), text);
        assert!(matches!(scrub(text), std::borrow::Cow::Borrowed(_)), "{text}");
    }
}

#[test]
fn what_was_found_is_counted() {
    let mut detected = Detected::default();
    ALL.scrub_counted("a@x.com b@x.com 4111111111111111 10.0.0.1 password=x", &mut detected);
    let counts: Vec<_> = detected.iter().map(|(detector, times)| (detector.as_str(), times)).collect();
    assert_eq!(counts, [("password", 1), ("email", 2), ("card", 1), ("ip", 1)]);
    assert_eq!(detected.total(), 5);
}

#[test]
fn markers_are_left_alone() {
    for detector in Detector::ALL {
        assert_eq!(ALL.scrub(detector.marker()), detector.marker());
    }
}

/// Secrets of every kind: what is planted, and what of it must not survive.
fn secret() -> impl Strategy<Value = (String, String)> {
    let card = prop_oneof![
        Just("4111111111111111"),
        Just("5555555555554444"),
        Just("378282246310005"),
        Just("6011111111111117"),
        Just("3530111333300000"),
        Just("30569309025904"),
        Just("2223003122003222"),
    ];
    let separator = prop_oneof![Just(""), Just(" "), Just("-"), Just("  "), Just("\u{a0}"), Just(" - "), Just("\n")];
    let split = |number: &str, separator: &str, groups: usize| {
        let digits: Vec<char> = number.chars().collect();
        digits.chunks(groups).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(separator)
    };
    let cards = (card, separator, 2..5_usize).prop_map(move |(card, separator, groups)| split(card, separator, groups));
    let phone = prop_oneof![
        ("[1-9][0-9]{9,12}", prop_oneof![Just(""), Just(" "), Just("-"), Just("/")], 2..5_usize)
            .prop_map(move |(digits, separator, groups)| format!("+{}", split(&digits, separator, groups))),
        "[2-9][0-9]{2}[-. ][0-9]{3}[-. ][0-9]{4}",
        r"\([2-9][0-9]{2}\) [0-9]{3}-[0-9]{4}",
    ];
    let iban = prop_oneof![
        Just("DE89370400440532013000"),
        Just("GB82WEST12345698765432"),
        Just("FR1420041010050500013M02606"),
        Just("NL91ABNA0417164300"),
    ];
    let iban = (iban, any::<bool>()).prop_map(move |(iban, grouped)| split(iban, if grouped { " " } else { "" }, 4));
    let key = prop_oneof![
        "AKIA[A-Z0-9]{16}",
        "sk-[A-Za-z0-9]{24,48}",
        "sk-ant-api03-[A-Za-z0-9_-]{20,80}",
        "ghp_[A-Za-z0-9]{36}",
        "github_pat_[A-Za-z0-9_]{60}",
        "xox[bp]-[0-9]{10}-[A-Za-z0-9]{20}",
        "AIza[A-Za-z0-9_-]{35}",
        "eyJ[A-Za-z0-9]{20}\\.eyJ[A-Za-z0-9]{20}\\.[A-Za-z0-9_-]{20}",
    ];
    let value = "[A-Za-z0-9!#%*+,./:;<=>?^_|~-]{6,20}";
    let named = (prop_oneof![Just("password="), Just("PASSWORD: "), Just("\"api_key\": \""), Just("pwd=")], value)
        .prop_map(|(name, value)| (format!("{name}{value}"), value));
    let email = r"[a-z]{3,8}[.+_-]?[a-z0-9]{1,8}@[a-z]{2,8}\.(com|de|co\.uk)";
    let whole = |strategy: BoxedStrategy<String>| strategy.prop_map(|secret| (secret.clone(), secret));
    prop_oneof![
        whole(cards.boxed()),
        whole(phone.boxed()),
        whole(iban.boxed()),
        whole(key.boxed()),
        whole(email.boxed()),
        named,
        "[A-Za-z0-9+/]{20,40}"
            .prop_map(|body| (format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----"), body)),
    ]
}

/// What stands around a secret.
fn surroundings() -> impl Strategy<Value = (String, String)> {
    let words = "[a-z ,]{0,20}[ ,]";
    prop_oneof![
        Just((String::new(), String::new())),
        Just(("{\"text\": \"".to_owned(), "\", \"n\": 5}".to_owned())),
        Just(("https://example.org/a?q=".to_owned(), "&page=2".to_owned())),
        Just(("注意：".to_owned(), "。ありがとう".to_owned())),
        Just(("👩‍💻 ".to_owned(), " ✓".to_owned())),
        Just(("(".to_owned(), ")".to_owned())),
        Just(("<b>".to_owned(), "</b>".to_owned())),
        Just(("line one\n".to_owned(), "\nline three".to_owned())),
        ("[a-z ,]{0,20}[ ,]", " [a-z ,]{0,20}"),
        words.prop_map(|before| (before, String::new())),
        " [a-z ,]{0,20}".prop_map(|after| (String::new(), after)),
    ]
}

/// How a secret may be written.
fn cased(text: &str, case: u8) -> String {
    match case {
        0 => text.to_owned(),
        1 => text.to_uppercase(),
        _ => text.to_lowercase(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_planted_secret_does_not_survive((planted, secret) in secret(), (before, after) in surroundings(), case in 0..3_u8, times in 1..4_usize) {
        let planted = cased(&planted, case);
        let secret = cased(&secret, case);
        let text = vec![format!("{before}{planted}{after}"); times].join("; ");
        let scrubbed = scrub(&text);
        prop_assert!(!scrubbed.contains(secret.trim()), "{text:?} became {scrubbed:?}");
        // Nor most of it.
        let half: String = secret.chars().skip(secret.chars().count() / 3).collect();
        prop_assert!(!scrubbed.contains(&half), "{text:?} became {scrubbed:?}");
    }

    #[test]
    fn scrubbing_twice_is_scrubbing_once(parts in prop::collection::vec(prop_oneof![
        secret().prop_map(|(planted, _)| planted),
        secret().prop_map(|(planted, _)| planted.chars().skip(1).collect()),
        "[a-z0-9 @.+=:\"'\\\\-]{0,12}",
        ".{0,6}",
        prop::sample::select(&Detector::ALL[..]).prop_map(|detector| detector.marker().to_owned()),
        prop_oneof![Just("password="), Just("pwd=\""), Just("bearer "), Just("+49"), Just("@x.de"), Just("://a:")].prop_map(str::to_owned),
    ], 0..8)) {
        let once = ALL.scrub(&parts.concat()).into_owned();
        prop_assert_eq!(ALL.scrub(&once), once.as_str());
    }

    #[test]
    fn any_text_is_scrubbed_without_a_panic(text in "\\PC*") {
        let once = ALL.scrub(&text).into_owned();
        prop_assert_eq!(ALL.scrub(&once), once.as_str());
    }
}

#[test]
fn long_texts_of_the_worst_kind_are_done() {
    // Each would take hours if time grew with the square of the length.
    for piece in [
        "a@",
        "4 ",
        "4",
        "0",
        "password=\"",
        "password='\\",
        "DE89",
        "+4",
        "eyJ",
        "-----BEGIN PRIVATE KEY-----",
        "%40",
        "\\",
        "://a:",
        "a.",
        "01-",
        "::",
        "1.1.1.1",
    ] {
        let text = piece.repeat(200_000 / piece.len());
        let once = ALL.scrub(&text);
        assert_eq!(ALL.scrub(&once), once, "{piece}");
    }
}
