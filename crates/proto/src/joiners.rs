//! The rule that says where a zero width joiner or non-joiner belongs.
//!
//! These characters show nothing by themselves. In many scripts they decide the shape of the
//! letters beside them, and they hold an emoji together. Elsewhere they only make two texts look
//! alike.

use icu_properties::props::{
    BinaryProperty as _, CanonicalCombiningClass, EnumeratedProperty as _, ExtendedPictographic,
    GeneralCategory, GeneralCategoryGroup, IndicSyllabicCategory, JoiningType,
};

const NON_JOINER: char = '\u{200c}';
const JOINER: char = '\u{200d}';

/// Whether this is one of the two.
pub(crate) fn is_joiner(c: char) -> bool {
    matches!(c, NON_JOINER | JOINER)
}

/// Whether a joiner stands where it belongs, between these texts: by the rules A1, A2 and B for
/// identifiers (UAX #31, revision 35, section 2.3.1), or within an emoji (UTS #51, ED-16).
pub(crate) fn belongs(before: &str, joiner: char, after: &str) -> bool {
    match joiner {
        NON_JOINER => {
            breaks_a_cursive_connection(before, after)
                || (follows_a_virama(before) && begins_with_a_letter(after))
        }
        JOINER => {
            joins_emoji(before, after) || (follows_a_virama(before) && !begins_with_a_vowel(after))
        }
        _ => false,
    }
}

/// A1: `$LJ $T* ZWNJ $T* $RJ`.
fn breaks_a_cursive_connection(before: &str, after: &str) -> bool {
    let joining = JoiningType::for_char;
    let shapes = |c: &char| joining(*c) != JoiningType::Transparent;
    let left = before.chars().rev().find(shapes).map(joining);
    let right = after.chars().find(shapes).map(joining);
    matches!(
        left,
        Some(JoiningType::LeftJoining | JoiningType::DualJoining)
    ) && matches!(
        right,
        Some(JoiningType::RightJoining | JoiningType::DualJoining)
    )
}

/// The beginning of A2 and B: `$L $M* $V $M₁*`.
fn follows_a_virama(before: &str) -> bool {
    let mut virama = false;
    for c in before.chars().rev() {
        let class = CanonicalCombiningClass::for_char(c);
        if class == CanonicalCombiningClass::Virama {
            virama = true;
        } else if GeneralCategory::for_char(c) == GeneralCategory::NonspacingMark {
            if !virama && class == CanonicalCombiningClass::NotReordered {
                return false;
            }
        } else {
            return virama && is_letter(c);
        }
    }
    false
}

/// The end of A2: `$M₁* $L`.
fn begins_with_a_letter(after: &str) -> bool {
    let mark = |c: &char| {
        GeneralCategory::for_char(*c) == GeneralCategory::NonspacingMark
            && CanonicalCombiningClass::for_char(*c) != CanonicalCombiningClass::NotReordered
    };
    after.chars().find(|c| !mark(c)).is_some_and(is_letter)
}

/// The end of B, which must not be there: `$D`.
fn begins_with_a_vowel(after: &str) -> bool {
    let dependent = |c| IndicSyllabicCategory::for_char(c) == IndicSyllabicCategory::VowelDependent;
    after.chars().next().is_some_and(dependent)
}

/// A picture, with its variation and skin tone, and another one.
fn joins_emoji(before: &str, after: &str) -> bool {
    let varies = |c: &char| {
        matches!(c, '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
            || GeneralCategory::for_char(*c) == GeneralCategory::NonspacingMark
    };
    let picture = before.chars().rev().find(|c| !varies(c));
    picture.is_some_and(ExtendedPictographic::for_char)
        && after
            .chars()
            .next()
            .is_some_and(ExtendedPictographic::for_char)
}

fn is_letter(c: char) -> bool {
    GeneralCategoryGroup::Letter.contains(GeneralCategory::for_char(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_belong(text: &str) -> bool {
        let mut joiners = text.char_indices().filter(|(_, c)| is_joiner(*c));
        joiners.all(|(at, c)| belongs(&text[..at], c, &text[at + c.len_utf8()..]))
    }

    #[test]
    fn words_and_emoji_need_them() {
        for text in [
            // Persian: 'I want', 'the houses'; with a vowel sign before the non-joiner.
            "می\u{200c}خواهم",
            "خانه\u{200c}ها",
            "نامه\u{64e}\u{200c}ای",
            // Malayalam with a chillu, Sinhala with a conjunct, Kannada, Marathi.
            "ന\u{d4d}\u{200d}",
            "ශ\u{dca}\u{200d}රී",
            "ರ\u{ccd}\u{200c}ಕ",
            "क\u{94d}\u{200d}ष",
            // A family, a woman who farms, with her skin tone, a rainbow flag.
            "👨\u{200d}👩\u{200d}👧",
            "👩🏽\u{200d}🌾",
            "🏳\u{fe0f}\u{200d}🌈",
        ] {
            assert!(all_belong(text), "{text:?}");
        }
    }

    #[test]
    fn elsewhere_they_only_deceive() {
        for text in [
            "a\u{200d}b",
            "a\u{200c}b",
            "\u{200c}",
            "\u{200d}x",
            "x\u{200d}",
            "می\u{200c}",
            "می\u{200c}\u{200c}خواهم",
            "د\u{200c}ا",
            "a\u{94d}b\u{200d}",
            "क\u{200d}ष",
            "क\u{94d}\u{200d}\u{93e}",
            "👨\u{200d}",
            "👨\u{200d}a",
            "a\u{200d}👨",
        ] {
            assert!(!all_belong(text), "{text:?}");
        }
    }
}
