//! Text that goes into the page. Whatever came from a file passes through [`escape`] on its way.

/// Makes text safe to stand in HTML and SVG, in content and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // XML knows no other control characters.
            c if c.is_control() && !matches!(c, '\n' | '\t') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// A value that may be missing, with its unit.
pub fn or_dash(value: Option<f64>, digits: usize, unit: &str) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}{unit}"))
}

/// Colour class of an error.
pub fn grade(error_deg: f64) -> &'static str {
    match error_deg {
        e if e < 10.0 => "good",
        e if e < 30.0 => "fair",
        e if e <= crate::evaluation::scores::FLIP_MIN_DEG => "poor",
        _ => "flip",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_name_stays_text() {
        assert_eq!(escape("<b a=\"1\" b='2'>&\u{0}"), "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;\u{fffd}");
        assert_eq!(escape("Straße 5 m"), "Straße 5 m");
    }
}
