//! `trainer table`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use models::manifest::{BACKBONE_FILE, NEURAL_MESH_FILE, REFERENCE_TABLE_FILE};
use models::{Artifact, ClassSpec, Manifest, Provider};

use super::model_folder;
use super::reference_args::ReferenceArgs;
use crate::encoder::{Encoder, available_providers};
use crate::rendering::load_shapes;
use crate::table::{ClassReferences, EmbeddingSpec, RETRIEVAL_UNFITTED, build};
use crate::training::TrainingConfig;
use crate::training::batches::TrainingData;

/// Arguments of `trainer table`.
#[derive(Debug, clap::Args)]
pub struct TableArgs {
    /// A run's folder: `run.toml`, `query_encoder.onnx`, `reference_encoder.onnx`
    #[arg(long)]
    pub run: PathBuf,
    /// Model folder to write; what is in it is replaced when the new model is complete
    #[arg(long)]
    pub out: PathBuf,
    /// Model name
    #[arg(long, default_value = "car")]
    pub name: String,
    /// Class of its objects
    #[arg(long, default_value = "car")]
    pub class: String,
    /// Renderings of the table
    #[command(flatten)]
    pub references: ReferenceArgs,
    /// Licence line of the model
    #[arg(long, default_value = "research use")]
    pub licence: String,
    /// Mean length, width and height in metres
    #[arg(long, value_delimiter = ',', default_values_t = [3.88, 1.63, 1.53])]
    pub dimensions_m: Vec<f64>,
}

/// Runs the command.
pub fn run(args: &TableArgs) -> Result<()> {
    let config = TrainingConfig::load(&args.run.join("run.toml"))?;
    let backbone = read(&args.run.join("query_encoder.onnx"))?;
    let reference_encoder = read(&args.run.join("reference_encoder.onnx"))?;
    let all = load_shapes(&config.shapes, config.vehicles, &config.data.root)?;
    ensure!(args.dimensions_m.len() == 3, "--dimensions-m: three numbers, not {}", args.dimensions_m.len());
    let shapes = args.references.select(&all)?;
    let shape_count = shapes.len();
    let set = args.references.reference_set(&shapes, || Ok(TrainingData::load(&config)?.samples))?;
    eprintln!("{:?}: {} renderings of {shape_count} shapes", args.references.set, set.len());
    let providers: Vec<Provider> = available_providers();
    let output = ("embedding", config.embedding_dim);
    let mut encoder = Encoder::open(&reference_encoder, &config.reference, output, &providers, 2)?;
    let spec = EmbeddingSpec {
        canvas: &config.reference,
        modality: args.references.modality.unwrap_or(config.modality),
        dim: config.embedding_dim,
        backbone_sha256: &models::sha256_hex(&backbone),
    };
    let started = std::time::Instant::now();
    let table = build(&mut encoder, &spec, &[ClassReferences { name: &args.class, shapes, set }])?;
    let rows_per_s = table.rotations.len() as f64 / started.elapsed().as_secs_f64();
    // What was fitted for this very network is kept; distances and features of another one mean something else.
    let backbone_artifact = Artifact::of(&backbone);
    let same_network = |old: &Manifest| old.artifacts.get(BACKBONE_FILE) == Some(&backbone_artifact);
    let kept = Manifest::load(&args.out).ok().filter(same_network);
    let has_mesh = kept.as_ref().is_some_and(|kept| kept.artifacts.contains_key(NEURAL_MESH_FILE));
    let files = [BACKBONE_FILE, REFERENCE_TABLE_FILE, NEURAL_MESH_FILE];
    let names = if has_mesh { &files[..] } else { &files[..2] };
    model_folder::replace(&args.out, names, |made| {
        std::fs::write(made.join(BACKBONE_FILE), &backbone)?;
        table.save(&made.join(REFERENCE_TABLE_FILE))?;
        if has_mesh {
            std::fs::copy(args.out.join(NEURAL_MESH_FILE), made.join(NEURAL_MESH_FILE))?;
        }
        Ok(manifest(args, &config, kept))
    })?;
    let (rows, megabytes) = (table.rotations.len(), table.embeddings.len() / 500_000);
    eprintln!("{}: {rows} rows of {shape_count} shapes, {megabytes} MB, {rows_per_s:.0} rows/s", args.out.display());
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} (trainer export writes it)", path.display()))
}

/// The manifest, with the settings and outputs of the one that is kept.
fn manifest(args: &TableArgs, config: &TrainingConfig, kept: Option<Manifest>) -> Manifest {
    let (retrieval, refinement, features) = match kept {
        Some(kept) => (kept.retrieval, kept.refinement, kept.outputs.features),
        None => {
            eprintln!("retrieval settings are not fitted yet: run trainer calibrate");
            (RETRIEVAL_UNFITTED, None, None)
        }
    };
    let [length_m, width_m, height_m] = [args.dimensions_m[0], args.dimensions_m[1], args.dimensions_m[2]];
    Manifest {
        name: args.name.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        licence: args.licence.clone(),
        provenance: format!(
            "{} steps of {} crops, seed {}; see MODEL_CARD.md",
            config.steps, config.queries_per_step, config.seed
        ),
        classes: vec![ClassSpec {
            name: args.class.clone(),
            aliases: ["Car", "Van", "vehicle.car"].map(String::from).to_vec(),
            length_m,
            width_m,
            height_m,
        }],
        input: config.query_spec().into(),
        outputs: models::OutputSpec { embedding: "embedding".into(), dim: config.embedding_dim, features },
        retrieval,
        refinement,
        artifacts: std::collections::BTreeMap::new(),
    }
}
