//! All cards: those built in and those of the user's folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::{Card, CardError, DatasetCard, ModelCard, ReadCard, read_card};

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/cards");
/// The folders of the two kinds.
const FOLDERS: [&str; 2] = ["datasets", "models"];

/// Cards by name.
#[derive(Debug, Clone)]
pub struct Library {
    cards: BTreeMap<String, (ReadCard, String)>,
}

impl Library {
    /// The built-in cards.
    ///
    /// # Panics
    /// Never: a test reads them all.
    pub fn built_in() -> Self {
        let files = FOLDERS.iter().filter_map(|folder| BUILT_IN.get_dir(folder)).flat_map(Dir::files);
        let cards = files.map(|file| {
            let text = file.contents_utf8().expect("built-in cards are UTF-8");
            let stem = file.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let card = read_card(text, &stem).unwrap_or_else(|error| panic!("built-in card {stem}: {error}"));
            let place = format!("cards/{}", file.path().display());
            (card.card.name().to_owned(), (card, place))
        });
        Self { cards: cards.collect() }
    }

    /// Adds the cards of a user's folder (every `*.md` with front matter in it or one folder below); they replace
    /// built-in ones of the same name. Gives what could not be read.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn add_folder(&mut self, folder: &Path) -> Result<Vec<(PathBuf, CardError)>, CardError> {
        let mut faults = Vec::new();
        for path in markdown(folder)? {
            match ReadCard::from_file(&path) {
                Ok(card) => {
                    let place = path.display().to_string();
                    self.cards.insert(card.card.name().to_owned(), (card, place));
                }
                Err(error) => faults.push((path, error)),
            }
        }
        Ok(faults)
    }

    /// All cards with where they are from, sorted by name.
    pub fn cards(&self) -> impl Iterator<Item = (&ReadCard, &str)> {
        self.cards.values().map(|(card, place)| (card, place.as_str()))
    }

    /// The dataset cards with where they are from.
    pub fn datasets(&self) -> impl Iterator<Item = (&DatasetCard, &str)> {
        self.cards().filter_map(|(read, place)| match &read.card {
            Card::Dataset(card) => Some((card.as_ref(), place)),
            Card::Model(_) => None,
        })
    }

    /// The model cards with where they are from.
    pub fn models(&self) -> impl Iterator<Item = (&ModelCard, &str)> {
        self.cards().filter_map(|(read, place)| match &read.card {
            Card::Model(card) => Some((card.as_ref(), place)),
            Card::Dataset(_) => None,
        })
    }

    /// The card with this name or other name.
    ///
    /// # Errors
    /// [`CardError::Unknown`] with names that are like it.
    pub fn card(&self, name: &str) -> Result<(&ReadCard, &str), CardError> {
        let wanted = name.trim().to_lowercase();
        let found = self
            .cards
            .get(&wanted)
            .or_else(|| self.cards.values().find(|(card, _)| card.card.names().contains(&wanted)));
        found
            .map(|(card, place)| (card, place.as_str()))
            .ok_or_else(|| CardError::Unknown { name: name.to_owned(), near: self.near(&wanted) })
    }

    fn near(&self, wanted: &str) -> Vec<String> {
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        let key = letters(wanted);
        let like = |name: &&String| {
            let name = letters(name);
            key.len() >= 2 && (name.contains(&key) || key.contains(&name) || name.get(..3) == key.get(..3))
        };
        self.cards.keys().filter(like).take(5).cloned().collect()
    }
}

fn markdown(folder: &Path) -> Result<Vec<PathBuf>, CardError> {
    let io = |source| CardError::Io { path: folder.to_path_buf(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.is_dir() {
            let inner = std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path());
            found.extend(inner.filter(|path| path.extension().is_some_and(|ending| ending == "md")));
        } else if path.extension().is_some_and(|ending| ending == "md") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cards::write_card;

    #[test]
    fn built_in_cards_are_many_have_sources_and_survive_writing() {
        let library = Library::built_in();
        assert!(library.datasets().count() >= 20, "{}", library.datasets().count());
        assert!(library.models().count() >= 20, "{}", library.models().count());
        let mut names = std::collections::HashMap::new();
        for (read, place) in library.cards() {
            let (sources, license) = match &read.card {
                Card::Dataset(card) => (&card.sources, &card.license),
                Card::Model(card) => (&card.sources, &card.license),
            };
            assert!(!sources.is_empty() && license.is_some() && !read.card.summary().is_empty(), "{place}");
            assert!(place.ends_with(&format!("/{}.md", read.card.name())), "{place}");
            assert!(read.text.len() > 60, "{place} has no text");
            let again = read_card(&write_card(&read.card, &read.text).unwrap(), "x").unwrap();
            assert_eq!(again.card, read.card, "{place}");
            for name in read.card.names() {
                if let Some(other) = names.insert(name.clone(), place.to_owned()) {
                    panic!("{name:?} means {other} and {place}");
                }
            }
        }
        for (card, place) in library.models() {
            assert!(!card.hyperparameters.is_empty(), "{place} has no hyperparameter");
        }
    }

    #[test]
    fn cards_of_a_folder_replace_built_in_ones_and_faults_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let mine =
            "---\nversion: couler/card/v1\nkind: dataset\nname: iris\nmodality: tabular\nrows: 7\n---\n";
        std::fs::write(folder.path().join("iris.md"), mine).unwrap();
        std::fs::write(folder.path().join("notes.md"), "# no card").unwrap();
        let mut library = Library::built_in();
        let faults = library.add_folder(folder.path()).unwrap();
        assert_eq!(faults.len(), 1);
        let (card, _) = library.card("Iris").unwrap();
        assert!(matches!(&card.card, Card::Dataset(card) if card.rows == Some(7)));
        let error = library.card("cifar").unwrap_err();
        assert!(error.hint().contains("cifar-10"), "{}", error.hint());
    }
}
