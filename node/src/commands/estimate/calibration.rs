//! The camera of `estimate`: a KITTI file, a ROS `camera_info` YAML, or a stated guess.

use std::path::Path;

use anyhow::{Context, bail};
use calibration::{CameraInfo, ImageKind, PinholeCamera, kitti};

/// Focal length of the guess in image widths: what KITTI's and many driving cameras have.
const GUESSED_FOCAL_WIDTHS: f64 = 0.58;

/// A camera, and where its numbers come from.
pub struct Camera {
    /// The numbers.
    pub pinhole: PinholeCamera,
    /// A sentence for the reader of the answer.
    pub source: String,
    /// What the reader should know before trusting positions.
    pub note: Option<String>,
}

/// Reads `path`, or guesses a camera for an image of `size_px` (width, height).
///
/// # Errors
/// The file and the key at fault, or a calibration for another image size.
pub fn load(path: Option<&Path>, rectified: bool, size_px: (u32, u32)) -> anyhow::Result<Camera> {
    let Some(path) = path else { return guessed(size_px) };
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| place.clone())?;
    let is_kitti = text.lines().any(|line| line.trim_start().starts_with("P2"));
    if is_kitti {
        let pinhole = kitti::parse_calibration(&text, &place, size_px.0, size_px.1)?.camera;
        return Ok(Camera { pinhole, source: format!("{place} (KITTI, P2)"), note: None });
    }
    camera_info(&text, rectified, size_px, &place).with_context(|| place.clone())
}

fn guessed((width, height): (u32, u32)) -> anyhow::Result<Camera> {
    let (w, h) = (f64::from(width), f64::from(height));
    let focal = GUESSED_FOCAL_WIDTHS * w;
    let pinhole = PinholeCamera::new(focal, focal, 0.5 * (w - 1.0), 0.5 * (h - 1.0), width, height)?;
    Ok(Camera {
        pinhole,
        source: "guessed".to_owned(),
        note: Some(format!(
            "no --calib: a centred pinhole camera with fx = {GUESSED_FOCAL_WIDTHS} image widths is assumed; \
             distances scale with the true focal length"
        )),
    })
}

fn camera_info(text: &str, rectified: bool, size_px: (u32, u32), place: &str) -> anyhow::Result<Camera> {
    let width_px = scalar(text, &["image_width", "width"])?;
    let height_px = scalar(text, &["image_height", "height"])?;
    if (width_px, height_px) != size_px {
        bail!("is for images of {width_px} x {height_px} pixels, this one has {} x {}", size_px.0, size_px.1);
    }
    let (key, kind) = if rectified { ("p", ImageKind::Rectified) } else { ("k", ImageKind::Raw) };
    let d = numbers(text, &["distortion_coefficients", "d", "D"])?.unwrap_or_default();
    let info = CameraInfo {
        width_px,
        height_px,
        distortion_model: "",
        d: &[],
        k: &matrix(text, &["camera_matrix", "k", "K"], !rectified)?,
        r: &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p: &matrix(text, &["projection_matrix", "p", "P"], rectified)?,
    };
    let is_distorted = !rectified && d.iter().any(|&coefficient| coefficient != 0.0);
    Ok(Camera {
        pinhole: PinholeCamera::from_camera_info(&info, kind)?,
        source: format!("{place} (camera_info, {key})"),
        note: is_distorted.then(|| {
            "the camera has lens distortion, which is not removed here: rectify the image and give --rectified \
             for full accuracy near its borders"
                .to_owned()
        }),
    })
}

/// A matrix of `N` numbers under the first of `keys` that is there; zeros where it is not `needed`.
fn matrix<const N: usize>(text: &str, keys: &[&str], needed: bool) -> anyhow::Result<[f64; N]> {
    match numbers(text, keys)? {
        Some(found) => {
            let count = found.len();
            found.try_into().ok().with_context(|| format!("key `{}` holds {count} numbers, {N} belong there", keys[0]))
        }
        None if needed => bail!("key `{}` is missing (neither a KITTI calibration nor a camera_info)", keys[0]),
        None => Ok([0.0; N]),
    }
}

fn scalar(text: &str, keys: &[&str]) -> anyhow::Result<u32> {
    let (key, rest) = find(text, keys)
        .with_context(|| format!("key `{}` is missing (neither a KITTI calibration nor a camera_info)", keys[0]))?;
    let value = uncommented(rest.lines().next().unwrap_or_default());
    value.parse().with_context(|| format!("key `{key}`: `{value}` is not a number of pixels"))
}

/// The list under a key: `[a, b]` (over several lines if need be), `- a` lines, or either below `data:`.
fn numbers(text: &str, keys: &[&str]) -> anyhow::Result<Option<Vec<f64>>> {
    let Some((key, mut rest)) = find(text, keys) else { return Ok(None) };
    if uncommented(rest.lines().next().unwrap_or_default()).is_empty() {
        // A nested block ends where the next line starts in the first column, unless that is a list item.
        let end = rest
            .match_indices('\n')
            .map(|(at, _)| at + 1)
            .find(|&at| rest[at..].starts_with(|c: char| !c.is_whitespace() && c != '-' && c != '#'));
        rest = &rest[..end.unwrap_or(rest.len())];
        if let Some((_, data)) = find(rest, &["data"]) {
            rest = data;
        }
    }
    let bad = |word: &str| format!("key `{key}`: `{word}` is not a number");
    let trimmed = rest.trim_start();
    if let Some(inline) = trimmed.strip_prefix('[') {
        let (list, _) = inline.split_once(']').with_context(|| format!("key `{key}`: the list is not closed"))?;
        let words = list.split(',').map(str::trim).filter(|word| !word.is_empty());
        return words.map(|word| word.parse().with_context(|| bad(word))).collect::<anyhow::Result<_>>().map(Some);
    }
    rest.lines()
        .map(uncommented)
        .skip_while(|line| line.is_empty())
        .map_while(|line| line.strip_prefix("- "))
        .map(|word| word.trim().parse().with_context(|| bad(word)))
        .collect::<anyhow::Result<_>>()
        .map(Some)
}

/// The first of `keys` that opens a line, and the text after its colon.
fn find<'k, 't>(text: &'t str, keys: &[&'k str]) -> Option<(&'k str, &'t str)> {
    keys.iter().find_map(|&key| {
        let mut start = 0;
        text.split_inclusive('\n').find_map(|line| {
            let indent = line.len() - line.trim_start().len();
            let value = start + indent + key.len();
            start += line.len();
            let follows = line.trim_start().strip_prefix(key)?.trim_start();
            follows.starts_with(':').then(|| text.get(value..)?.split_once(':').map(|(_, rest)| (key, rest)))?
        })
    })
}

fn uncommented(line: &str) -> &str {
    line.split_once('#').map_or(line, |(before, _)| before).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `camera_calibration` writes it.
    const CALIBRATED: &str = "\
image_width: 640
image_height: 480
camera_name: front   # not data: [1]
camera_matrix:
  rows: 3
  cols: 3
  data: [520.5,   0. , 319.5,
           0. , 521. , 239.5,
           0. ,   0. ,   1. ]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.3, 0.1, 0., 0., 0.]
projection_matrix:
  rows: 3
  cols: 4
  data: [500., 0., 320., 0., 0., 501., 240., 0., 0., 0., 1., 0.]
";
    /// As `ros2 topic echo --once` prints it.
    const ECHOED: &str = "\
header:
  stamp:
    sec: 0
height: 480
width: 640
distortion_model: plumb_bob
d:
- 0.0
- 0.0
k:
- 520.5
- 0.0
- 319.5
- 0.0
- 521.0
- 239.5
- 0.0
- 0.0
- 1.0
p: [500.0, 0.0, 320.0, 0.0, 0.0, 501.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0]
binning_x: 0
---
";

    #[test]
    fn both_spellings_of_a_camera_info_are_read() {
        for (text, is_distorted) in [(CALIBRATED, true), (ECHOED, false)] {
            let raw = camera_info(text, false, (640, 480), "f").unwrap();
            assert_eq!(raw.pinhole, PinholeCamera::new(520.5, 521.0, 319.5, 239.5, 640, 480).unwrap());
            assert_eq!(raw.note.is_some(), is_distorted);
            let rectified = camera_info(text, true, (640, 480), "f").unwrap();
            assert_eq!(rectified.pinhole, PinholeCamera::new(500.0, 501.0, 320.0, 240.0, 640, 480).unwrap());
            assert!(rectified.note.is_none());
        }
    }

    #[test]
    fn errors_name_the_key() {
        for (from, to, needle) in [
            ("camera_matrix", "camera_matrices", "`camera_matrix` is missing"),
            ("521. ,", "abc ,", "`abc` is not a number"),
            ("521. ,", "", "8 numbers"),
            ("1. ]", "1. ", "`camera_matrix`"),
            ("image_width: 640", "image_width: wide", "`image_width`"),
            ("image_width: 640", "image_width: 641", "641 x 480"),
            ("520.5", "-520.5", "`k`"),
        ] {
            let error = camera_info(&CALIBRATED.replace(from, to), false, (640, 480), "f").map(|_| ()).unwrap_err();
            let text = format!("{error:#}");
            assert!(text.contains(needle), "{from} -> {to}: {text}");
        }
    }

    #[test]
    fn arbitrary_text_is_refused_without_panic() {
        for text in ["", ":", "k:", "width: 1\nheight: 1\nk:", "\u{fe}\u{0}", "width:\u{2028}3", "k: [", "data: ["] {
            assert!(camera_info(text, false, (1, 1), "f").is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_guess_says_so() {
        let camera = load(None, false, (1000, 500)).unwrap();
        assert_eq!((camera.pinhole.fx_px, camera.pinhole.cx_px, camera.pinhole.cy_px), (580.0, 499.5, 249.5));
        assert!(camera.note.unwrap().contains("0.58"));
    }
}
