"""Writing Pixel Classification projects as ilastik lays them out."""
