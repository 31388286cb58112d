//! List files to records, with errors that name line and column.
