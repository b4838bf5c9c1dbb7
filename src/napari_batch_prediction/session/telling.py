"""Work that says when it waits for loops that are compiled."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from napari_batch_prediction.engine.compilation import compilation_told
from napari_batch_prediction.records.events import Notice
from napari_batch_prediction.session.work import Result, ShouldCancel, Step, Work


def telling(work: Work[Step, Result]) -> Work[Step | Notice, Result]:
    """Return the same work, done in a thread of its own, so that it can also yield notices while a step takes long."""

    def told(should_cancel: ShouldCancel) -> Generator[Step | Notice, None, Result]:
        # Empty: the work has ended.
        steps: SimpleQueue[tuple[Step | Notice, ...]] = SimpleQueue()

        def run() -> Result:
            try:
                source = work(should_cancel)
                while True:
                    steps.put((next(source),))
            except StopIteration as end:
                result: Result = end.value
                return result
            finally:
                steps.put(())

        with ThreadPoolExecutor(1, "told") as pool, compilation_told(lambda text: steps.put((Notice(text),))):
            future = pool.submit(run)
            while step := steps.get():
                yield step[0]
            return future.result()

    return told
