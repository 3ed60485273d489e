//! Class names.

/// COCO's 80 object classes in the numbering without gaps.
#[rustfmt::skip]
pub(super) const COCO_80: [&str; 80] = [
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
    "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee",
    "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard",
    "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
    "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
    "potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone",
    "microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors", "teddy bear",
    "hair drier", "toothbrush",
];

/// Numbers that COCO's own numbering, 1 to 90, leaves out.
const GAPS: [usize; 10] = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83];

/// How a folder of label files numbers its classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbering {
    /// 0 to 79.
    WithoutGaps,
    /// COCO's own: 1 to 90, ten of them unused.
    Official,
}

impl Numbering {
    /// The numbering of a folder with these classes: only COCO's own goes beyond 79, and it has no 0.
    pub(super) fn of(classes: impl IntoIterator<Item = usize>) -> Self {
        let (mut zero, mut max) = (false, 0);
        for class in classes {
            zero |= class == 0;
            max = max.max(class);
        }
        if max >= COCO_80.len() && !zero { Self::Official } else { Self::WithoutGaps }
    }

    /// A class' name; `None` where the number stands for none.
    pub(super) fn name(self, class: usize) -> Option<&'static str> {
        match self {
            Self::WithoutGaps => COCO_80.get(class).copied(),
            Self::Official if GAPS.contains(&class) => None,
            Self::Official => {
                let before = GAPS.iter().filter(|&&gap| gap < class).count();
                COCO_80.get(class.checked_sub(1 + before)?).copied()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from the annotation files of COCO 2017.
    #[test]
    fn the_official_numbers_have_the_names_of_the_annotation_files() {
        let named =
            [(1, "person"), (3, "car"), (11, "fire hydrant"), (13, "stop sign"), (28, "umbrella"), (31, "handbag")];
        let last = [
            (44, "bottle"),
            (46, "wine glass"),
            (67, "dining table"),
            (70, "toilet"),
            (88, "teddy bear"),
            (90, "toothbrush"),
        ];
        for (class, name) in named.into_iter().chain(last) {
            assert_eq!(Numbering::Official.name(class), Some(name));
        }
        assert!([0, 12, 30, 83, 91].iter().all(|&class| Numbering::Official.name(class).is_none()));
        assert_eq!((1..=90).filter(|&class| Numbering::Official.name(class).is_some()).count(), 80);
    }

    #[test]
    fn a_folder_tells_its_numbering() {
        assert_eq!(Numbering::of([0, 2, 79]), Numbering::WithoutGaps);
        assert_eq!(Numbering::of([2]), Numbering::WithoutGaps);
        assert_eq!(Numbering::of([0, 88]), Numbering::WithoutGaps);
        assert_eq!(Numbering::of([1, 88]), Numbering::Official);
        assert_eq!(Numbering::of([]), Numbering::WithoutGaps);
    }
}
