//! `trainer mesh`: gives a model its decoder and its neural mesh.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use models::manifest::{BACKBONE_FILE, NEURAL_MESH_FILE, REFERENCE_TABLE_FILE};
use models::neural_mesh::{NeuralMesh, SubType};
use models::{Backbone, BackboneConfig, Manifest, Model, ReferenceTable};

use super::model_folder;
use crate::encoder::available_providers;
use crate::networks::heads::FEATURE_STRIDE;
use crate::networks::onnx::{WeightFormat, store_weights};
use crate::table::vertex_means::VertexMeans;
use crate::training::TrainingConfig;
use crate::training::batches::TrainingData;
use crate::training::templates::Template;

/// Steps beyond every training run: crops that were not learned from in this form.
const FIRST_STEP: usize = 1_000_000;
/// Embeddings of the two networks may be so far apart: the decoder must not have changed the trunk.
const EMBEDDING_DIFFERENCE_MAX: f32 = 1e-3;

/// Arguments of `trainer mesh`.
#[derive(Debug, clap::Args)]
pub struct MeshArgs {
    /// A run of `trainer train mesh`: `run.toml`, `query_encoder.onnx`
    #[arg(long)]
    pub run: PathBuf,
    /// Model folder with the reference table of the same trunk
    #[arg(long)]
    pub model: PathBuf,
    /// Model folder to write; may be the same
    #[arg(long)]
    pub out: PathBuf,
    /// Batches of crops whose features are averaged
    #[arg(long, default_value_t = 150)]
    pub batches: usize,
    /// Sub-types that the mesh gets, by name (sedan, hatchback, estate, suv, van, pickup); none: all that were trained
    #[arg(long, value_delimiter = ',')]
    pub sub_types: Vec<String>,
    /// Stretch every sub-type to the class' typical size of the manifest, instead of the size it was trained with
    #[arg(long)]
    pub class_size: bool,
    /// Number format the weights are stored in
    #[arg(long, value_enum, default_value_t = WeightFormat::F16)]
    pub weights: WeightFormat,
}

/// Runs the command.
pub fn run(args: &MeshArgs) -> Result<()> {
    let mut config = TrainingConfig::load(&args.run.join("run.toml"))?;
    let mesh = config.mesh.as_mut().context("the run trained no mesh")?;
    // Every visible vertex counts towards the means.
    mesh.rows_per_crop = 0;
    let dim = mesh.feature_dim;
    let path = args.run.join("query_encoder.onnx");
    let onnx = std::fs::read(&path).with_context(|| format!("{} (trainer export writes it)", path.display()))?;
    let onnx = store_weights(&onnx, args.weights).with_context(|| path.display().to_string())?;
    let mut manifest = Manifest::load(&args.model)?;
    manifest.outputs.features = Some("features".into());
    let providers = available_providers();
    let batch_max = config.queries_per_step;
    let backbone_config = BackboneConfig { providers, threads: 2, batch_max, ..BackboneConfig::default() };
    let mut backbone = models::open_backbone(&onnx, &manifest, &backbone_config)?.backbone;
    let shape = backbone.feature_shape().context("the network has no feature map")?;
    ensure!(shape[0] == dim, "the network's features have {} channels, the run's {dim}", shape[0]);

    let data = TrainingData::load(&config)?;
    let templates = data.templates.as_ref().context("the run trained no mesh")?;
    let mut means = VertexMeans::new(templates.vertex_count(), shape);
    let mut maker = data.maker(&config);
    let table = manifest.read_artifact(&args.model, REFERENCE_TABLE_FILE)?;
    let mut table = ReferenceTable::parse(&table, &args.model.join(REFERENCE_TABLE_FILE).display().to_string())?;
    let mut before = Model::load(&args.model, &BackboneConfig { features: false, ..backbone_config.clone() })?;
    for step in 0..args.batches {
        let batch = data.batch(&config, FIRST_STEP + step, &mut maker)?;
        let crops = normalised(&batch.queries, &config);
        let mut embeddings = vec![0.0; config.queries_per_step * table.dim];
        let mut features = vec![0.0; config.queries_per_step * shape.iter().product::<usize>()];
        backbone.embed_with_features(&crops, config.queries_per_step, &mut embeddings, &mut features)?;
        if step == 0 {
            check_embeddings(&mut *before.backbone, &crops, &embeddings, config.queries_per_step)?;
        }
        means.add(&features, &batch.surface);
    }
    let seen = means.seen_count();
    let (features, clutter) = means.finish(templates)?;
    let class_id = 0;
    let class = manifest.classes.first().context("the manifest has no class")?;
    let typical = [class.length_m, class.width_m, class.height_m];
    let chosen = |template: &&Template| args.sub_types.is_empty() || args.sub_types.contains(&template.name);
    let sub_types = templates.templates().iter().filter(chosen).map(|template| {
        let surface = match args.class_size {
            true => template.surface.scaled([0, 1, 2].map(|axis| typical[axis] as f32 / template.size()[axis]))?,
            false => template.surface.clone(),
        };
        SubType::new(&template.name, class_id, surface, &features, &clutter).with_context(|| template.name.clone())
    });
    let mesh = NeuralMesh {
        class_names: table.class_names.clone(),
        stride: FEATURE_STRIDE as u32,
        clutter: clutter.clone(),
        encoder_sha256: models::sha256_hex(&onnx),
        sub_types: sub_types.collect::<Result<_>>()?,
    };
    table.encoder_sha256 = mesh.encoder_sha256.clone();
    model_folder::replace(&args.out, &[BACKBONE_FILE, REFERENCE_TABLE_FILE, NEURAL_MESH_FILE], |made| {
        std::fs::write(made.join(BACKBONE_FILE), &onnx)?;
        table.save(&made.join(REFERENCE_TABLE_FILE))?;
        mesh.save(&made.join(NEURAL_MESH_FILE))?;
        Ok(manifest)
    })?;
    let (all, kinds) = (templates.vertex_count(), mesh.sub_types.len());
    eprintln!("{}: {seen} of {all} vertices were seen, {kinds} sub-types", args.out.display());
    Ok(())
}

/// Bytes as the network wants them.
fn normalised(bytes: &[u8], config: &TrainingConfig) -> Vec<f32> {
    let spec = config.query_spec();
    let plane = (spec.width * spec.height) as usize;
    let value = |(at, &byte): (usize, &u8)| {
        let channel = at / plane % 3;
        (f32::from(byte) / 255.0 - spec.mean[channel]) / spec.std[channel]
    };
    bytes.iter().enumerate().map(value).collect()
}

fn check_embeddings(before: &mut dyn Backbone, crops: &[f32], now: &[f32], batch: usize) -> Result<()> {
    let mut embeddings = vec![0.0; now.len()];
    before.embed(crops, batch, &mut embeddings)?;
    let worst = embeddings.iter().zip(now).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    ensure!(
        worst <= EMBEDDING_DIFFERENCE_MAX,
        "embeddings differ by {worst}: the run changed the trunk; build its own table with trainer table first"
    );
    Ok(())
}
