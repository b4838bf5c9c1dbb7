"""Count colonies in the images of a folder, and make a table with pandas."""

from importlib.resources import files
from pathlib import Path

import pandas as pd

import napari_batch_prediction as nbp

SAMPLES = Path(str(files(nbp))) / "samples" / "colonies"

job = nbp.BatchJob(
    classifier=SAMPLES / "colonies.ilp",
    inputs=[str(SAMPLES / "*.png")],
    exports=[nbp.Export(source="Counts", format="csv", folder="counts")],
    existing="overwrite",
)
ledger = job.run()

table = pd.DataFrame(
    {
        "image": [Path(row.input).name for row in ledger.rows],
        "status": [row.status for row in ledger.rows],
        "count": [row.count for row in ledger.rows],
    }
)
print(table.sort_values("count", ascending=False).to_string(index=False))
print(f"On average {table['count'].mean():.1f} colonies on a plate.")
table.to_csv("colonies.csv", index=False)
