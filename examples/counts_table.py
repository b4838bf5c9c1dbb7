"""Count colonies in the images of a folder, and make a table with pandas."""

from importlib.resources import files
from pathlib import Path

import napari_batch_prediction as nbp

SAMPLES = Path(str(files(nbp))) / "samples" / "colonies"

job = nbp.BatchJob(SAMPLES / "colonies.ilp", SAMPLES / "*.png", "Counts", folder="counts", existing="overwrite")
table = job.run().to_dataframe()
table["image"] = table["input"].map(lambda name: Path(name).name)
print(table[["image", "status", "count"]].sort_values("count", ascending=False).to_string(index=False))
print(f"On average {table['count'].mean():.1f} colonies on a plate.")
table.to_csv("colonies.csv", index=False)
