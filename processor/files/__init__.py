"""Files that merchants upload: kept as they came, under their digest, for good."""
