"""Files and where they lie: atomic writes, folders and object stores."""
