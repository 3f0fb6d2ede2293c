"""Models scored on datasets: score, compare, calibrate, subgroups, agreement with a second reader."""
