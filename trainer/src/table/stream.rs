//! Batches of renderings, drawn by every core while the encoder embeds the ones before.

use std::sync::mpsc::sync_channel;

use anyhow::Result;
use kernels::CropSpec;
use rayon::prelude::*;

use super::reference_set::{ReferenceSet, ReferenceView};
use crate::rendering::{Modality, Renderer, Shape};

/// Renderings drawn and embedded at once.
pub(super) const BATCH: usize = 32;
/// Batches that wait for the encoder. With the one being drawn and the one being embedded, they bound the memory.
const WAITING: usize = 2;

/// Draws every view of `set` and hands them over in order: the views of a batch and their pixels `[count, 3, H, W]`.
pub(super) fn each_batch(
    shapes: &[&Shape],
    set: &ReferenceSet,
    canvas: CropSpec,
    modality: Modality,
    mut take: impl FnMut(&[ReferenceView], &[f32]) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let (ready, waiting) = sync_channel::<Result<(Vec<ReferenceView>, Vec<f32>)>>(WAITING);
        // Emptied buffers come back this way.
        let (emptied, used) = sync_channel::<Vec<f32>>(WAITING + 2);
        scope.spawn(move || {
            for start in (0..set.len()).step_by(BATCH) {
                let views: Vec<_> = (start..set.len().min(start + BATCH)).map(|index| set.view(index)).collect();
                let pixels = used.try_recv().unwrap_or_default();
                let drawn = draw(shapes, &views, canvas, modality, pixels);
                // Nobody listens any longer: the encoder failed.
                if ready.send(drawn.map(|pixels| (views, pixels))).is_err() {
                    return;
                }
            }
        });
        for batch in waiting {
            let (views, pixels) = batch?;
            take(&views, &pixels)?;
            // The thread may have drawn its last batch.
            let _ = emptied.try_send(pixels);
        }
        Ok(())
    })
}

fn draw(
    shapes: &[&Shape],
    views: &[ReferenceView],
    canvas: CropSpec,
    modality: Modality,
    mut pixels: Vec<f32>,
) -> Result<Vec<f32>> {
    let size = 3 * (canvas.width * canvas.height) as usize;
    pixels.resize(views.len() * size, 0.0);
    views.par_iter().zip(pixels.par_chunks_exact_mut(size)).with_min_len(4).try_for_each_init(
        || Renderer::new(canvas),
        |renderer, (view, out)| renderer.render(shapes[view.shape], &view.viewpoint, modality, out),
    )?;
    Ok(pixels)
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;
    use crate::table::PoseGrid;
    use crate::training::config::Canvas;

    const CANVAS: Canvas = Canvas { width: 32, height: 32, context_margin: 0.04 };

    fn set() -> ReferenceSet {
        let grid = PoseGrid::new(9.0, vec![0.0, 12.0], vec![0.0]).expect("a grid");
        ReferenceSet::Grid { grid, shape_count: 2 }
    }

    #[test]
    fn batches_come_in_order_and_whole() {
        let shapes = [Shape::of_vehicle(1), Shape::of_vehicle(2)];
        let shapes: Vec<&Shape> = shapes.iter().collect();
        let (set, canvas) = (set(), CANVAS.crop_spec());
        let mut renderer = Renderer::new(canvas);
        let mut expected = vec![0.0; renderer.len()];
        let mut row = 0;
        each_batch(&shapes, &set, canvas, Modality::Depth, |views, pixels| {
            assert!(views.len() <= BATCH);
            for drawn in pixels.chunks_exact(expected.len()) {
                let view = set.view(row);
                renderer.render(shapes[view.shape], &view.viewpoint, Modality::Depth, &mut expected)?;
                assert_eq!(drawn, expected);
                row += 1;
            }
            Ok(())
        })
        .expect("drawn");
        assert_eq!(row, set.len());
    }

    #[test]
    fn a_failed_encoder_ends_the_drawing() {
        let shape = Shape::of_vehicle(1);
        let mut calls = 0;
        let result = each_batch(&[&shape, &shape], &set(), CANVAS.crop_spec(), Modality::Normals, |_, _| {
            calls += 1;
            bail!("no")
        });
        assert!(result.is_err() && calls == 1);
    }
}
