use super::super::scene::{HEIGHT, Hidden, Random, Scene, Sight, WIDTH, retrieved};
use super::*;
use crate::RefinementSpec;

/// An answer for a car whose left half is hidden, and its explanation.
fn explained() -> (Sight, Hidden, Refined, Explanation) {
    let (scene, mut random) = (Scene::new(8), Random(12));
    let mut refiner = scene.refiner(RefinementSpec::default(), 1);
    let sight = Sight::random(&mut random);
    let hidden = Hidden::side(&sight.view.box_cells, 0.5, true, true);
    let map = scene.draw(&sight.placement, 0.1, Some(&hidden), &mut random);
    refiner.begin(0, &map, &sight.view, &retrieved(random.near(&sight.rotation, 4.0), 0.02));
    while refiner.step(0) {}
    let refined = refiner.finish(0).unwrap();
    let explanation = refiner.explain(0, &refined).unwrap().unwrap();
    (sight, hidden, refined, explanation)
}

#[test]
fn what_is_hidden_what_is_seen_and_what_is_neither_are_told_apart() {
    let (sight, hidden, refined, explanation) = explained();
    assert!(sight.error_deg(&refined.hypotheses[0].rotation) < 6.0);
    let box_cells = sight.view.box_cells;
    let (mut right, mut inside) = (0, 0);
    for (index, cell) in explanation.cells.iter().enumerate() {
        let at = [(index % WIDTH) as f64 + 0.5, (index / WIDTH) as f64 + 0.5];
        let from_edge = [
            at[0] - f64::from(box_cells.x1),
            f64::from(box_cells.x2) - at[0],
            at[1] - f64::from(box_cells.y1),
            f64::from(box_cells.y2) - at[1],
        ];
        let nearest = from_edge.into_iter().fold(f64::INFINITY, f64::min);
        if nearest < -2.0 {
            assert_eq!(*cell, Cell::Background, "{at:?}");
        }
        if nearest > 3.0 && (at[0] - hidden.high[0]).abs() > 2.0 {
            inside += 1;
            right += usize::from(*cell == if at[0] < hidden.high[0] { Cell::Occluded } else { Cell::Object });
        }
    }
    assert!(inside > 20 && right * 10 > inside * 8, "{right} of {inside}");
    assert!(explanation.colours.len() == WIDTH * HEIGHT && !explanation.retrieved.is_empty());
}

#[test]
fn the_loss_is_least_near_the_answer_along_each_angle() {
    let (.., explanation) = explained();
    let [azimuth, elevation, in_plane] = &explanation.curves;
    assert_eq!([azimuth, elevation, in_plane].map(|curve| curve.points.len()), [73, 31, 31]);
    for (curve, most_deg) in explanation.curves.iter().zip([10.0, 8.0, 8.0]) {
        let least = curve.points.iter().min_by(|a, b| a[1].total_cmp(&b[1])).unwrap();
        assert!(least[0].abs() <= most_deg, "{least:?}");
    }
    assert!(explanation.loss[0] <= explanation.loss[1]);
}

#[test]
fn the_picture_is_well_formed_and_holds_all_parts() {
    let (.., explanation) = explained();
    let svg = explanation.svg("data:image/png;base64,AAAA");
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
    for (open, close) in [("<g", "</g>"), ("<text", "</text>"), ("<svg", "</svg>")] {
        assert_eq!(svg.matches(open).count(), svg.matches(close).count(), "{open}");
    }
    assert_eq!((svg.matches("<image").count(), svg.matches("<polyline").count()), (2, 3));
    assert_eq!(svg.matches("<rect").count(), 2 * WIDTH * HEIGHT + 1 + 3);
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}
