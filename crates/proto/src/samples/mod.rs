//! What a data file holds: samples, their exact arithmetic, and the parser of the text.
