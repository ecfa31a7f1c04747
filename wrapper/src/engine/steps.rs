//! The engine as a builder of images, step by step.

use std::io::Write;

use super::cli::CliEngine;
use super::error::EngineError;
use super::output::{self, Inspected};
use super::transport::Transport;
use super::verbs::StepSpec;

impl<T: Transport> CliEngine<T> {
    /// Creates a container for a step.
    ///
    /// # Errors
    /// [`EngineError::NoImage`] if its image is gone.
    pub fn create_step(&self, spec: &StepSpec) -> Result<(), EngineError> {
        self.run(&self.verbs.create_step(spec)).map(drop)
    }

    /// Makes an image of a container that does not run, and gives its id. `changes`: entry point and command;
    /// `image`: a name for the image.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn commit(
        &self,
        name: &str,
        changes: Option<(&[String], &[String])>,
        image: Option<&str>,
    ) -> Result<String, EngineError> {
        let command = self.verbs.commit(name, changes, image);
        let captured = self.run(&command)?;
        self.read(&command, output::parse_id(&captured.stdout))
    }

    /// Makes an image of nothing and gives its id.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn import_empty(&self, owner: &str) -> Result<String, EngineError> {
        let command = self.verbs.import(owner);
        // Two blocks of zeros are the end of a tar file.
        let empty = Box::new(|out: &mut dyn Write| out.write_all(&[0; 1_024]));
        let captured = self.stream(&command, Some(empty), None)?;
        self.read(&command, output::parse_id(&captured.stdout))
    }

    /// Looks at a container, with [`Inspected::size_written`].
    ///
    /// # Errors
    /// When the engine cannot tell.
    pub fn inspect_size(&self, name: &str) -> Result<Option<Inspected>, EngineError> {
        self.inspect_by(&self.verbs.inspect_size(name))
    }

    /// Removes containers, with one command where that can do it; gives the names of those that may be left.
    pub fn remove_all(&self, names: &[String]) -> Vec<String> {
        if names.len() > 1
            && self.flavor().removes_several()
            && self.run(&self.verbs.remove_all(names)).is_ok()
        {
            return Vec::new();
        }
        names.iter().filter(|name| self.remove(name).is_err()).cloned().collect()
    }

    /// Ids of all containers whose name begins with `prefix`, which consists of letters, digits, `_`, `-` and `.`.
    ///
    /// # Errors
    /// When the engine cannot tell.
    pub fn containers_named(&self, prefix: &str) -> Result<Vec<String>, EngineError> {
        let captured = self.run(&self.verbs.containers_named(&prefix.replace('.', "[.]")))?;
        Ok(output::ids(&captured.stdout))
    }

    /// Ids of all containers that carry an owner's label, also by their images.
    ///
    /// # Errors
    /// When the engine cannot tell.
    pub fn containers_of(&self, owner: &str) -> Result<Vec<String>, EngineError> {
        let captured = self.run(&self.verbs.containers_of(owner))?;
        Ok(output::ids(&captured.stdout))
    }

    /// Ids of the images of an owner that no other image is built on.
    ///
    /// # Errors
    /// When the engine cannot tell.
    pub fn images_of(&self, owner: &str) -> Result<Vec<String>, EngineError> {
        Ok(output::ids(&self.run(&self.verbs.images_of(owner))?.stdout))
    }
}
