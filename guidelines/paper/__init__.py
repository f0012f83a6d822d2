"""The whole paper: which of its tables and figures are here, measured together, and drawn."""
