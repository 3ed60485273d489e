//! COCO's run-length encoding of masks: lengths of runs outside and inside in turn, column by column, as a list or packed
//! into text (pycocotools' `maskApi.c`: five bits a letter from `0`, bit 5 says that more follow, the third run on stores
//! differences from the run two before).

use image::{GrayImage, Luma};

/// Most letters of one number: 7 times five bits exceed 32.
const LETTERS_MAX: u32 = 7;

/// Lengths of runs out of packed text.
///
/// # Errors
/// Naming the letter.
pub(super) fn unpack(text: &str) -> Result<Vec<u32>, String> {
    let mut runs: Vec<u32> = Vec::new();
    let (mut value, mut letters) = (0i64, 0);
    for (index, byte) in text.bytes().enumerate() {
        let Some(bits) = byte.checked_sub(48).filter(|bits| *bits < 64) else {
            return Err(format!("letter {index} of the counts is {:?}", char::from(byte)));
        };
        if letters == LETTERS_MAX {
            return Err(format!("letter {index} of the counts makes a number too long"));
        }
        value |= i64::from(bits & 31) << (5 * letters);
        letters += 1;
        if bits & 32 != 0 {
            continue;
        }
        if bits & 16 != 0 {
            value |= -1 << (5 * letters);
        }
        if runs.len() > 2 {
            value += i64::from(runs[runs.len() - 2]);
        }
        runs.push(u32::try_from(value).map_err(|_| format!("letter {index} of the counts gives a run of {value}"))?);
        (value, letters) = (0, 0);
    }
    if letters == 0 { Ok(runs) } else { Err("the counts end within a number".into()) }
}

/// Adds the runs' inside to `mask`.
///
/// # Errors
/// When they are not as long as the mask.
pub(super) fn fill(mask: &mut GrayImage, runs: &[u32]) -> Result<(), String> {
    let (width, height) = mask.dimensions();
    let (total, area) = (runs.iter().map(|&run| u64::from(run)).sum::<u64>(), u64::from(width) * u64::from(height));
    if total != area {
        return Err(format!("the counts sum to {total} where the picture has {width} x {height} pixels"));
    }
    let mut at = 0;
    for (index, &run) in runs.iter().enumerate() {
        if index % 2 == 1 {
            (at..at + run).for_each(|i| mask.put_pixel(i / height, i % height, Luma([255])));
        }
        at += run;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An L with a hole and a lone pixel, 7 wide and 9 high; packed by pycocotools 2.0.11.
    const ROWS: [&str; 9] =
        ["......#", ".......", ".##....", ".##....", "..#....", ".##....", ".#####.", ".#####.", "......."];
    const PACKED: &str = ";211234L0000JO7";
    const RUNS: [u32; 15] = [11, 2, 1, 3, 3, 6, 7, 2, 7, 2, 7, 2, 1, 1, 8];

    #[test]
    fn packed_counts_are_those_of_pycocotools() {
        assert_eq!(unpack(PACKED).expect("unpacks"), RUNS);
        // 1500 x 2000 with pixels (700, 1999), (701, 1999) and (1400, 0..3): runs of several letters, and negative differences.
        let runs = unpack("_TiZ11_n10aZaZ12mP`kN").expect("unpacks");
        let lone = 700 * 2000 + 1999;
        let expected = [lone, 1, 1999, 1, 1400 * 2000 - (lone + 2001), 3, 1500 * 2000 - 1400 * 2000 - 3];
        assert_eq!(runs, expected);
    }

    #[test]
    fn runs_go_down_the_columns() {
        let mut mask = GrayImage::new(7, 9);
        fill(&mut mask, &RUNS).expect("fits");
        for (y, row) in ROWS.iter().enumerate() {
            for (x, letter) in row.chars().enumerate() {
                assert_eq!(mask.get_pixel(x as u32, y as u32).0[0] == 255, letter == '#', "{x} {y}");
            }
        }
    }

    #[test]
    fn damaged_counts_are_refused() {
        for text in ["\u{e9}", "a", "!", "OO", "oooooooo0", "/"] {
            assert!(unpack(text).is_err(), "{text}");
        }
        let mut mask = GrayImage::new(7, 9);
        assert!(fill(&mut mask, &RUNS[1..]).is_err());
        assert!(fill(&mut mask, &[u32::MAX, u32::MAX]).is_err());
        assert!(fill(&mut mask, &[]).is_err());
    }
}
