"""Points for students' answers; what does it lies in `lessons/grading.py`."""
