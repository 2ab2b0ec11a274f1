"""The route of searches in logs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from seaway.model.search import SearchResult
from seaway.portal.access import Service, current_caller
from seaway.portal.paging import Since, seconds

router = APIRouter(prefix="/api/v1/search", tags=["logs"], dependencies=[Depends(current_caller)])


@router.get("")
async def search(
    words: Annotated[str, Query(max_length=1000, description="A line is found where it holds all of them.")],
    service: Service,
    run: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    context: Annotated[int, Query(ge=0, le=20, description="Lines before and after each.")] = 0,
    since: Since = None,
) -> SearchResult:
    """Find lines in the logs of all runs, or of one, newest first."""
    return await service.search(words, run=run, limit=limit, context=context, since=seconds(since))
