//! Text that goes into the page. Whatever came from a file or a message passes through [`escape`] on its way.

use std::fmt;

/// Displays text with everything escaped that HTML or SVG would take for markup, in content and in quoted attributes.
pub struct Escaped<'a>(&'a str);

/// Makes text safe to stand in the page.
pub fn escape(text: &str) -> Escaped<'_> {
    Escaped(text)
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // XML knows no other control characters.
                c if c.is_control() && !matches!(c, '\n' | '\t') => f.write_str("\u{fffd}")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// The `points` attribute of a polygon or polyline, to a tenth of a pixel.
pub fn points(points: &[[f64; 2]]) -> String {
    points.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

/// Displays a value that may be missing.
pub fn or_dash<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), show)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_name_stays_text() {
        let name = "<script>alert(\"a\" & 'b')</script>\u{0}";
        let escaped = escape(name).to_string();
        assert_eq!(escaped, "&lt;script&gt;alert(&quot;a&quot; &amp; &#39;b&#39;)&lt;/script&gt;\u{fffd}");
        assert_eq!(escape("Straße 5 m").to_string(), "Straße 5 m");
    }
}
