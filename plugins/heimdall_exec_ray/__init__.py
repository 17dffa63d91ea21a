"""Work on data, and whatever else wants one, on a Ray cluster. A foundation plugin: others may
import `heimdall_exec_ray.connect`."""
