import { SEGMENT_TILES } from "../../../src/storage/level/level-store.ts";
import { largeStoreContract } from "../../conformance/store.ts";
import { levelFixture } from "../../support/level.ts";

largeStoreContract("LevelStore", () => levelFixture(SEGMENT_TILES));
