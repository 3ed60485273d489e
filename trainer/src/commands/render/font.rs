//! Letters of three by five pixels for labels.

use image::{Rgb, RgbImage};

/// Rows from the top, three bits each, leftmost highest.
const GLYPHS: [(char, [u8; 5]); 40] = [
    ('0', [7, 5, 5, 5, 7]),
    ('1', [2, 6, 2, 2, 7]),
    ('2', [7, 1, 7, 4, 7]),
    ('3', [7, 1, 7, 1, 7]),
    ('4', [5, 5, 7, 1, 1]),
    ('5', [7, 4, 7, 1, 7]),
    ('6', [7, 4, 7, 5, 7]),
    ('7', [7, 1, 1, 2, 2]),
    ('8', [7, 5, 7, 5, 7]),
    ('9', [7, 5, 7, 1, 7]),
    ('-', [0, 0, 7, 0, 0]),
    ('.', [0, 0, 0, 0, 2]),
    ('_', [0, 0, 0, 0, 7]),
    (',', [0, 0, 0, 2, 4]),
    ('A', [2, 5, 7, 5, 5]),
    ('B', [6, 5, 6, 5, 6]),
    ('C', [3, 4, 4, 4, 3]),
    ('D', [6, 5, 5, 5, 6]),
    ('E', [7, 4, 6, 4, 7]),
    ('F', [7, 4, 6, 4, 4]),
    ('G', [3, 4, 5, 5, 3]),
    ('H', [5, 5, 7, 5, 5]),
    ('I', [7, 2, 2, 2, 7]),
    ('J', [1, 1, 1, 5, 2]),
    ('K', [5, 5, 6, 5, 5]),
    ('L', [4, 4, 4, 4, 7]),
    ('M', [5, 7, 7, 5, 5]),
    ('N', [6, 5, 5, 5, 5]),
    ('O', [2, 5, 5, 5, 2]),
    ('P', [6, 5, 6, 4, 4]),
    ('Q', [2, 5, 5, 6, 3]),
    ('R', [6, 5, 6, 5, 5]),
    ('S', [3, 4, 2, 1, 6]),
    ('T', [7, 2, 2, 2, 2]),
    ('U', [5, 5, 5, 5, 7]),
    ('V', [5, 5, 5, 5, 2]),
    ('W', [5, 5, 7, 7, 5]),
    ('X', [5, 5, 2, 5, 5]),
    ('Y', [5, 5, 2, 2, 2]),
    ('Z', [7, 1, 2, 4, 7]),
];
/// Pixels of the picture a pixel of a letter.
const SCALE: u32 = 2;
/// Height of a line of text, pixels.
pub(super) const LINE_PX: u32 = 7 * SCALE;
const COLOUR: Rgb<u8> = Rgb([235, 235, 235]);

/// Writes `text` with its top left corner at (`x`, `y`); letters that are unknown or outside the picture are left out.
pub(super) fn write(image: &mut RgbImage, (x, y): (u32, u32), text: &str) {
    for (index, letter) in text.chars().enumerate() {
        let Some((_, rows)) = GLYPHS.iter().find(|(known, _)| *known == letter.to_ascii_uppercase()) else { continue };
        let left = x + 4 * SCALE * index as u32;
        for (row, column) in (0..5 * SCALE).flat_map(|row| (0..3 * SCALE).map(move |column| (row, column))) {
            let set = rows[(row / SCALE) as usize] >> (2 - column / SCALE) & 1 == 1;
            let (u, v) = (left + column, y + row);
            if set && u < image.width() && v < image.height() {
                image.put_pixel(u, v, COLOUR);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_differ_and_stay_inside() {
        let drawn = |text: &str| {
            let mut image = RgbImage::new(20, 12);
            write(&mut image, (2, 1), text);
            image.into_raw()
        };
        for (i, (a, _)) in GLYPHS.iter().enumerate() {
            assert!(GLYPHS[..i].iter().all(|(b, _)| drawn(&a.to_string()) != drawn(&b.to_string())), "{a}");
        }
        assert_eq!(drawn("q"), drawn("Q"));
        assert_eq!(drawn("~"), vec![0; 20 * 12 * 3]);
        drawn("A LONG LINE THAT LEAVES THE PICTURE");
    }
}
