"""Prompt policies: what a user asks for, turned into ``{object_id: {frame_index: [prompts]}}``."""
