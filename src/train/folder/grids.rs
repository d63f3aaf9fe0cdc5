//! The grids of a run, `grids/step-0000100.png`.

use std::fs;
use std::path::{Path, PathBuf};

use super::check_own_folder;
use crate::config::{Settings, WeightsKind};
use crate::files::{disk, refuse_linked, shown_name};
use crate::pictures::{Pictures, Provenance, write_png_of};
use crate::train::grid_settings;
use crate::train::metrics::step_in;
use crate::{Error, Result};

/// Name of the folder in the run's.
pub const GRIDS: &str = "grids";
/// Pixels between two pictures of a grid, and around them.
pub const GRID_GAP: usize = 2;
/// Grids that are kept on disk: beyond this count the oldest half is thinned.
const MAX_GRIDS: usize = 400;

/// Writes a grid that was drawn after `step` of a run with these settings; the file says so.
///
/// # Errors
/// When the disk does not take it.
pub fn add(run: &Path, step: u64, pictures: &Pictures, settings: &Settings) -> Result<()> {
    let folder = run.join(GRIDS);
    let sampling = grid_settings(settings.training.drawn_with(WeightsKind::Ema));
    let drawn_by = Provenance::new(settings, &sampling, shown_name(run), step);
    let grid = pictures.grid(8, GRID_GAP, 0);
    check_own_folder(&folder)?;
    write_png_of(&folder.join(format!("step-{step:07}.png")), &grid, Some(&drawn_by))?;
    thin(&folder)
}

/// Removes the grids that were drawn after `step`.
///
/// # Errors
/// When the disk does not take it.
pub fn drop_after(run: &Path, step: u64) -> Result<()> {
    let folder = run.join(GRIDS);
    check_own_folder(&folder)?;
    for (drawn_after, grid) in grids_in(&folder)? {
        if drawn_after > step {
            disk::remove(&grid).map_err(Error::write(&grid))?;
        }
    }
    Ok(())
}

/// The grids in a run's folder of them, with the steps that they were drawn after, in their order. Files of other names are none.
///
/// # Errors
/// When the folder cannot be read, or is a link.
pub fn grids_in(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    refuse_linked(folder)?;
    let entries = fs::read_dir(folder).map_err(Error::read(folder))?.flatten();
    let mut grids: Vec<_> =
        entries.filter_map(|entry| Some((step_in(&entry.file_name(), ".png")?, entry.path()))).collect();
    grids.sort();
    Ok(grids)
}

/// Removes every other grid of the older half when there are too many.
fn thin(folder: &Path) -> Result<()> {
    let grids = grids_in(folder)?;
    if grids.len() <= MAX_GRIDS {
        return Ok(());
    }
    for (_, grid) in grids[..MAX_GRIDS / 2].iter().skip(1).step_by(2) {
        disk::remove(grid).map_err(Error::write(grid))?;
    }
    Ok(())
}
