//! Executable examples: scenario documents, their runner and its differences.
