//! What a server is for, in a closed set of words.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Declares the categories with their words and every other spelling that is folded into them.
macro_rules! categories {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $($alias:literal)|*;)*) => {
        /// A category. The sources use free text, about ninety spellings; each is folded into one of these.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Category {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
        }

        impl Category {
            /// All categories, by name.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word for it, as it is shown and typed.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The category that a source's own word or heading stands for. Case, punctuation and emoji do not count.
            pub fn fold(text: &str) -> Option<Self> {
                match words(text).as_str() {
                    $($word $(| $alias)* => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

categories! {
    /// Models, agents, prompts, reasoning.
    Ai = "ai", "ai ml" | "ai llm integration" | "machine learning" | "llm" | "frameworks";
    /// Figures made from data.
    Analytics = "analytics", "data analytics" | "data visualization" | "data analysis business intelligence";
    /// Steering a browser, reading pages.
    Browser = "browser", "web" | "web scraping" | "browser automation" | "browser automation web scraping";
    /// Customers, sales, marketing.
    Business = "business", "crm" | "marketing" | "sales" | "marketing sales crm" | "cost management";
    /// Cloud platforms and their services.
    Cloud = "cloud", "cloud service" | "cloud platforms services" | "infrastructure" | "cloud storage";
    /// Shops and payments.
    Commerce = "commerce", "ecommerce" | "payments";
    /// Mail, chat, calls.
    Communication = "communication", "messaging" | "communication messaging";
    /// Stores of records, relational or not.
    Database = "database", "databases";
    /// Writing, checking and running code.
    Development = "development", "developer tools" | "devtools" | "code" | "code analysis quality" | "code execution"
        | "developer productivity utilities";
    /// Building, deploying and operating software.
    Devops = "devops", "build deployment tools" | "integration";
    /// Reference texts and manuals.
    Documentation = "documentation", "docs";
    /// Files and folders.
    Files = "files", "file system" | "filesystem" | "filesystems";
    /// Money and markets.
    Finance = "finance", "fintech" | "blockchain" | "finance crypto" | "crypto";
    /// Games.
    Games = "games", "gaming";
    /// Medicine and life sciences.
    Health = "health", "healthcare" | "healthcare life sciences";
    /// Devices and houses.
    Home = "home", "iot" | "hardware iot" | "real estate home services" | "smart home";
    /// Notes and memory.
    Knowledge = "knowledge", "memory" | "knowledge management memory";
    /// Places and routes.
    Maps = "maps", "geospatial" | "location maps";
    /// Pictures, sound, film, design.
    Media = "media", "video" | "design" | "art culture media" | "multimedia processing" | "content management systems";
    /// Metrics, logs, traces, alarms.
    Monitoring = "monitoring", "observability" | "monitoring observability";
    /// News and feeds.
    News = "news", ;
    /// Documents, tasks, calendars, automation of work.
    Productivity = "productivity", "automation" | "project task management";
    /// Research and papers.
    Science = "science", "science research" | "research";
    /// Finding things, the web above all.
    Search = "search", "web search";
    /// Guarding and scanning.
    Security = "security", ;
    /// Social networks.
    Social = "social", "social media" | "social media content platforms";
    /// Sports.
    Sports = "sports", ;
    /// The operating system and its shell.
    System = "system", "operating system command line";
    /// Going places.
    Travel = "travel", "boating" | "travel transportation";
    /// Small helpers.
    Utilities = "utilities", "tools" | "utilities helpers" | "other";
    /// Repositories and their history.
    VersionControl = "version-control", "version control";
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No category has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no category {name:?}; there are {}", all())]
pub struct UnknownCategory {
    /// What was given.
    pub name: String,
}

/// The names of all categories.
fn all() -> String {
    let names: Vec<&str> = Category::ALL
        .iter()
        .map(|category| category.as_str())
        .collect();
    names.join(", ")
}

impl FromStr for Category {
    type Err = UnknownCategory;

    fn from_str(name: &str) -> Result<Self, UnknownCategory> {
        Self::fold(name).ok_or_else(|| UnknownCategory {
            name: name.to_owned(),
        })
    }
}

/// The letters and digits of a text in lower case, all else as single blanks between words.
fn words(text: &str) -> String {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::shared_data;

    #[test]
    fn spellings_are_folded() {
        for (text, category) in [
            ("ai-ml", Some(Category::Ai)),
            ("Fintech", Some(Category::Finance)),
            ("## 🗄️ Databases", Some(Category::Database)),
            ("🔄 Version Control", Some(Category::VersionControl)),
            ("version-control", Some(Category::VersionControl)),
            ("submarines", None),
        ] {
            assert_eq!(Category::fold(text), category, "{text:?}");
        }
    }

    #[test]
    fn every_category_is_its_own_fold() {
        for category in Category::ALL {
            assert_eq!(category.as_str().parse(), Ok(*category));
        }
    }

    #[test]
    #[ignore = "reads ../shared/data"]
    fn every_category_of_shared_data_is_known() {
        let files = shared_data::docker_servers();
        let raw: Vec<&str> = files
            .iter()
            .flat_map(|file| file.lines())
            .filter_map(|line| line.trim().strip_prefix("category:"))
            .collect();
        assert_eq!(raw.len(), 328);
        let unknown: Vec<_> = raw
            .iter()
            .filter(|text| Category::fold(text).is_none())
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
