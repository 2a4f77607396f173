//! A disk that fails on demand: a library that is loaded under a service in a process of its own.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use super::folder;
use crate::contract::file;

/// The disk under one service.
pub struct Disk {
    control_file: PathBuf,
}

impl Disk {
    /// A disk that works. `None`, with a message, when there is no compiler to build the library.
    pub fn new() -> Option<Self> {
        layer()?;
        Some(Self { control_file: folder().join("disk") })
    }

    /// The variables that a service needs in its environment to use it.
    pub fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        vec![("LD_PRELOAD", layer().unwrap().to_owned()), ("SAMSYN_TEST_DISK", self.control_file.clone())]
    }

    /// Fails from now on. `how` is explained in `disk.c`.
    pub fn fail(&self, how: &str) {
        // Renamed into place, so that it is never read half written.
        let new = self.control_file.with_extension("new");
        fs::write(&new, how).unwrap();
        fs::rename(&new, &self.control_file).unwrap();
    }

    /// Whether it is still to fail.
    pub fn fails(&self) -> bool {
        self.control_file.exists()
    }

    /// Works again.
    pub fn mend(&self) {
        let _ = fs::remove_file(&self.control_file);
    }
}

fn layer() -> Option<&'static Path> {
    static LAYER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let made = LAYER.get_or_init(|| {
        let layer = folder().join("disk.so");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&layer).arg(file("tests/it/harness/disk.c"));
        let made = compiler.status().is_ok_and(|status| status.success());
        if !made {
            assert!(env::var_os("CI").is_none(), "cc is required in CI");
            let _ = writeln!(std::io::stderr(), "\n*** A DISK THAT FAILS IS NOT TRIED: there is no cc ***\n");
        }
        made.then_some(layer)
    });
    made.as_deref()
}
