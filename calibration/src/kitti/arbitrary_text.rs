//! The parsers read files of strangers: whatever the text, they answer or refuse, and never panic.

use proptest::prelude::*;

use super::*;

const LABEL: &str = "17 3 Car 0.10 1 -1.50 100.25 150.00 220.50 210.75 1.50 1.60 4.00 -6.00 1.75 20.00 -1.79";
const CALIBRATION: &str =
    "P0: 7e2 0 6e2 0 0 7e2 1.8e2 0 0 0 1 0\nP2: 7e2 0 6e2 45.5 0 7.1e2 1.8e2 0.25 0 0 1 0.003\nR_rect 1 0 0\n";

/// Every parser on the text. Also: what was read is written and read again, and refusals say where.
fn survive(text: &str) -> Result<(), TestCaseError> {
    // A byte order mark that is a word would be taken off the start of a text: ours start with an empty line.
    let join = |lines: Vec<String>| format!("\n{}", lines.join("\n"));
    match parse_object_labels(text, "file.txt") {
        Ok(labels) => {
            let again = join(labels.iter().map(ObjectLabel::emit).collect());
            prop_assert_eq!(parse_object_labels(&again, "file.txt"), Ok(labels));
        }
        Err(error) => prop_assert!(error.to_string().starts_with("file.txt:")),
    }
    match parse_tracking_labels(text, "file.txt") {
        Ok(labels) => {
            let again = join(labels.iter().map(TrackingLabel::emit).collect());
            prop_assert_eq!(parse_tracking_labels(&again, "file.txt"), Ok(labels));
        }
        Err(error) => prop_assert!(error.to_string().starts_with("file.txt:")),
    }
    match parse_calibration(text, "file.txt", 1242, 375) {
        Ok(calibration) => {
            let numbers = &calibration.camera2_from_camera0_m;
            prop_assert!(numbers.iter().all(|value| value.is_finite()));
            let _ = emit_calibration(&calibration);
        }
        Err(error) => prop_assert!(error.to_string().starts_with("file.txt:")),
    }
    Ok(())
}

/// Words that have broken parsers before.
fn nasty_word() -> impl Strategy<Value = String> {
    let chosen = prop::sample::select(vec![
        "Car",
        "DontCare",
        "P2:",
        "P2",
        "P2:1",
        "0",
        "1",
        "-0.0",
        "-1",
        "nan",
        "-inf",
        "1e999",
        "1e-999",
        "2147483648",
        "-9223372036854775809",
        "+5",
        "0x10",
        "1_000",
        "1,5",
        "٣",
        "\u{feff}",
        ":",
        "\0",
        "é",
        "1.",
    ]);
    prop_oneof![
        4 => chosen.prop_map(str::to_owned),
        1 => any::<f64>().prop_map(|value| value.to_string()),
        1 => any::<String>(),
    ]
}

fn separator() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![" ", "  ", "\t", "\n", "\r\n", "\u{a0}", "\u{2028}"])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_string_is_survived(text in any::<String>()) {
        survive(&text)?;
    }

    #[test]
    fn any_words_are_survived(words in prop::collection::vec((nasty_word(), separator()), 0..60)) {
        let text: String = words.iter().flat_map(|(word, gap)| [word.as_str(), gap]).collect();
        survive(&text)?;
    }

    #[test]
    fn a_line_with_the_right_number_of_any_words_is_survived(
        words in prop::collection::vec(nasty_word(), 15..19)
    ) {
        survive(&words.join(" "))?;
        survive(&format!("P2: {}", words[..12].join(" ")))?;
    }

    #[test]
    fn valid_text_with_any_byte_changed_or_cut_is_survived(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()
    ) {
        for valid in [LABEL, &LABEL[5..], CALIBRATION] {
            let mut bytes = valid.as_bytes().to_vec();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            survive(&String::from_utf8_lossy(&bytes))?;
            bytes.truncate(cut.index(bytes.len()));
            survive(&String::from_utf8_lossy(&bytes))?;
        }
    }
}

#[test]
fn the_unchanged_texts_are_read() {
    assert_eq!(parse_tracking_labels(LABEL, "x").map(|l| l.len()), Ok(1));
    assert_eq!(parse_object_labels(&LABEL[5..], "x").map(|l| l.len()), Ok(1));
    assert!(parse_calibration(CALIBRATION, "x", 1242, 375).is_ok());
}
