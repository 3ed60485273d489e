//! The cases a person should look at, with what the network saw of them; bounded, however large the test set is.

use anyhow::Result;
use image::RgbImage;
use models::refinement::explain::Explanation;

use super::measure::Outcome;

/// An outcome and the crop it was made from.
#[derive(Clone, Debug)]
pub struct Case {
    /// What came of it.
    pub outcome: Outcome,
    /// What there is to see of it.
    pub look: Look,
}

/// What there is to see of a case.
#[derive(Clone, Debug)]
pub struct Look {
    /// The crop on the model's canvas.
    pub crop: RgbImage,
    /// Why the answer was given, where that was asked for and the model refines.
    pub explanation: Option<Explanation>,
}

/// The best and the worst cases so far.
#[derive(Clone, Debug)]
pub struct Gallery {
    count_max: usize,
    best: Vec<Case>,
    worst: Vec<Case>,
}

impl Gallery {
    /// Keeps at most `count_max` at either end.
    pub fn new(count_max: usize) -> Self {
        Self { count_max, best: Vec::new(), worst: Vec::new() }
    }

    /// By rising error; of equal errors the first offered.
    pub fn best(&self) -> &[Case] {
        &self.best
    }

    /// By falling error; of equal errors the first offered.
    pub fn worst(&self) -> &[Case] {
        &self.worst
    }

    /// Takes a case where it belongs; `look` is asked only then.
    ///
    /// # Errors
    /// Those of `look`.
    pub fn offer(&mut self, outcome: &Outcome, mut look: impl FnMut() -> Result<Look>) -> Result<()> {
        keep(&mut self.best, self.count_max, outcome, |error_deg| error_deg, &mut look)?;
        keep(&mut self.worst, self.count_max, outcome, |error_deg| -error_deg, &mut look)
    }
}

/// Inserts by rising `rank`, so that at most `count_max` remain.
fn keep(
    cases: &mut Vec<Case>,
    count_max: usize,
    outcome: &Outcome,
    rank: fn(f64) -> f64,
    look: &mut impl FnMut() -> Result<Look>,
) -> Result<()> {
    let own = rank(outcome.claim.error_deg);
    let at = cases.partition_point(|case| rank(case.outcome.claim.error_deg) <= own);
    if at < count_max {
        cases.truncate(count_max - 1);
        cases.insert(at, Case { outcome: outcome.clone(), look: look()? });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::report::fixture::outcome;

    #[test]
    fn both_ends_are_kept_in_order_and_no_more_than_allowed() {
        let mut gallery = Gallery::new(3);
        for (index, error_deg) in [5.0, 170.0, 1.0, 30.0, 2.0, 170.0, 60.0].into_iter().enumerate() {
            let look = || Ok(Look { crop: RgbImage::new(1, 1), explanation: None });
            gallery.offer(&outcome(&index.to_string(), 0.0, error_deg), look).unwrap();
        }
        let names = |cases: &[Case]| cases.iter().map(|case| case.outcome.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(gallery.best()), ["2", "4", "0"]);
        assert_eq!(names(gallery.worst()), ["1", "5", "6"]);
    }

    #[test]
    fn an_empty_gallery_makes_no_pictures() {
        let mut gallery = Gallery::new(0);
        gallery.offer(&outcome("a", 0.0, 5.0), || unreachable!("nobody looks at it")).unwrap();
        assert!(gallery.best().is_empty() && gallery.worst().is_empty());
    }
}
